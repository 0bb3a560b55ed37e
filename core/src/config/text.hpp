// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Texts in messages: quoting, masking, spelling help.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::config {

/// What stands in place of a secret wherever one would be shown.
inline constexpr std::string_view kMask = "***";

/// 'text' for a message: control characters and broken UTF-8 escaped, cut at about 80 characters, URL passwords masked.
[[nodiscard]] std::string quote(std::string_view text);
/// The text with the password of every URL in it replaced by kMask: "mqtt://user:***@broker".
[[nodiscard]] std::string mask_urls(std::string_view text);
/// The same for a text that is a host or an address from byte `begin` on: "user:***@host".
[[nodiscard]] std::string mask_user(std::string_view text, std::size_t begin = 0);
/// The candidate that `text` most likely was meant to be, if any is near enough; case and '-' for '_' count little.
[[nodiscard]] std::optional<std::string> nearest(std::string_view text, const std::vector<std::string>& candidates);
/// "did you mean 'interval'?", or empty.
[[nodiscard]] std::string did_you_mean(std::string_view text, const std::vector<std::string>& candidates);
/// "a, b, c"
[[nodiscard]] std::string joined(const std::vector<std::string>& words, std::string_view separator = ", ");
/// The byte offset of the first byte that is not UTF-8 or is a control character other than tab and newlines.
[[nodiscard]] std::optional<std::size_t> first_bad_byte(std::string_view text);
/// Characters (code points) of UTF-8.
[[nodiscard]] std::size_t count_characters(std::string_view utf8);

}  // namespace mesura::config
