// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Names in databases: what every sink that makes tables does with the names of devices and series.
#pragma once

#include <mesura/measurement.hpp>

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

namespace mesura::sinks {

/// The parts with a byte between them that none of them holds: a key for maps.
[[nodiscard]] std::string joined(std::initializer_list<std::string_view> parts);
/// ASCII letters in lower case: databases ignore the case of names, some of them always, some on some systems.
[[nodiscard]] std::string folded(std::string_view name);
/// What makes a column of a fleet's table the same for all devices: channel, quantity and unit.
[[nodiscard]] std::string meaning_of(const SeriesInfo& info);

/// What an identifier may be.
struct NameLimits {
  std::size_t characters = 64;
  bool supplementary = false;    ///< characters beyond U+FFFF are taken
  std::size_t file_bytes = 230;  ///< of the file that bears it, where all but ASCII letters, digits and '_' take 5
};

/// A name that the database takes: no control characters, no invalid UTF-8, no blank at the end; what is not taken
/// becomes '_'. One that had to be cut ends in '_' and 8 hexadecimal digits of the whole name's hash: the same name
/// gets the same identifier each time, different ones different identifiers.
[[nodiscard]] std::string identifier(std::string_view name, const NameLimits& limits);

}  // namespace mesura::sinks
