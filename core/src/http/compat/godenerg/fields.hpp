// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What godenerg calls the values of an Axpert inverter.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace mesura::http::compat::godenerg {

/// How a value stands in JSON.
enum class Form : std::uint8_t {
  integer,  ///< 221
  decimal,  ///< 230.0: never without a decimal
  text,
  flag,    ///< true, false
  minutes  ///< of seconds
};

/// A key and the series behind it.
struct Field {
  std::string_view key;
  Form form;
  std::string_view channel;
  std::string_view quantity;
  std::string_view other = {};  ///< a quantity that may stand in its place: the newer of both counts
};

/// The numbers of `status` (QPIGS), in order; all of them are columns of /graph. Texts and flags stand between and
/// behind them.
[[nodiscard]] std::span<const Field> status_fields();
/// `settings` (QPIRI) and `default_settings` (QDI), which have no JSON upstream: names of the axpert sheet.
[[nodiscard]] std::span<const Field> settings_fields();
[[nodiscard]] std::span<const Field> default_fields();
/// The column of /graph, null when there is none.
[[nodiscard]] const Field* column(std::string_view name);
/// "BT" of "battery"; "00" of a mode that godenerg does not know.
[[nodiscard]] std::string_view mode_code(std::string_view mode);

}  // namespace mesura::http::compat::godenerg
