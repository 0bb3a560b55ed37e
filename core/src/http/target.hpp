// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/message.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace mesura::http {

/// What a request line asks for.
struct Target {
  std::string path;  ///< decoded; as Request::path says. "*" for the whole server
  Fields query;      ///< decoded
};

/// Takes a request target apart: "/a%20b?x=1", or "http://host/a" as proxies are asked.
///
/// errors  http-target: broken percent encoding or UTF-8, control characters, encoded slashes, backslashes, "." and
///         "..", a fragment, more than 256 parameters. Nothing of that is ever repaired: two programs that repair
///         differently are how path tricks work. Doubled and trailing slashes mean nothing and are dropped.
[[nodiscard]] std::optional<ErrorText> parse_target(std::string_view text, Target& out);

}  // namespace mesura::http
