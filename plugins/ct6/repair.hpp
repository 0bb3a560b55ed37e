// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace mesura::ct6 {

/// Mends a reply in which the unit's HTTP server turned each `'` into `"`: a quote inside a name becomes an apostrophe
/// again. A quote ends a string where a colon, comma or closing bracket follows; no name set over HTTP holds a comma.
/// false: there was nothing to mend.
bool mend_apostrophes(std::string_view reply, std::string& mended);

}  // namespace mesura::ct6
