// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Texts of an answer: names that may have become numbers, and names that carry percent-encoding because the device
// keeps what it got in a URL.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace mesura::ct6 {

/// Whether `text` is UTF-8 without surrogates and overlong forms.
[[nodiscard]] bool is_utf8(std::string_view text);

/// Length of the UTF-8 character that `text` begins with, 0 if there is none; it must not be empty.
[[nodiscard]] std::size_t utf8_length(std::string_view text);

/// What a JSON scalar says as text: `"Grid"` -> Grid, `1.0` -> 1, `1.5` -> 1.5, `true` -> true, `null` -> nothing.
/// No value: the token is none of these, or has a bad escape.
[[nodiscard]] std::optional<std::string> text_of_token(std::string_view token);

/// `Meter%20Cupboard` -> `Meter Cupboard`, decoded once. A text whose decoded form would not be printable UTF-8 stays
/// as it is.
[[nodiscard]] std::string decode_percent(std::string_view text);

/// At most `limit` bytes of foreign text for a message: bytes that are no printable UTF-8 become question marks.
[[nodiscard]] std::string excerpt(std::string_view text, std::size_t limit);

}  // namespace mesura::ct6
