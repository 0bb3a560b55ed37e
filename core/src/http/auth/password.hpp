// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mesura::http {

inline constexpr std::size_t kShortestPassword = 8;
inline constexpr std::size_t kLongestPassword = 511;  ///< libcrypt's

/// A yescrypt hash ("$y$..."), with a salt of its own. `cost` as crypt(5) has it, 0 for libcrypt's default (18 ms and
/// 16 MB). Throws std::runtime_error where libcrypt can't.
[[nodiscard]] std::string hash_password(const std::string& password, unsigned cost = 0);
/// Takes as long as hashing; false also for hashes of no known kind. The comparison takes the same time for all.
[[nodiscard]] bool verify_password(const std::string& password, const std::string& hash);

/// 256 bits from the kernel, in URL-safe base64 (43 characters). Throws std::runtime_error.
[[nodiscard]] std::string random_secret();
/// SHA-256 in hexadecimal.
[[nodiscard]] std::string sha256_hex(std::string_view text);
/// Without telling by its duration where they differ.
[[nodiscard]] bool equal_secrets(std::string_view a, std::string_view b);
/// Overwrites it before it is let go.
void wipe(std::string& secret);

}  // namespace mesura::http
