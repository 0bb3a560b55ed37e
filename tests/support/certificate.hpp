// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace mesura::test {

/// Writes a new key and a certificate that it has signed itself, made out to localhost and 127.0.0.1, as PEM.
void make_certificate(const std::string& certificate_file, const std::string& key_file);

}  // namespace mesura::test
