// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What the tests of the virtual inverter share.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "virtual_machine.hpp"

namespace mesura::axpert::test {

inline constexpr std::int64_t kStart = 1'767'225'600;  ///< 2026-01-01T00:00:00Z

/// Bytes from "28 4E 0D".
inline std::string hex(std::string_view text) {
  std::string out;
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'A' + 10; };
  for (std::size_t i = 0; i + 1 < text.size(); i += 3)
    out += static_cast<char>(digit(text[i]) * 16 + digit(text[i + 1]));
  return out;
}

inline twin::MachineSetup setup_of(std::string_view model, int units = 1) {
  twin::MachineSetup s;
  s.model = twin::find_model(model);
  s.qpigs_fields = s.model->qpigs_fields;
  s.units = units;
  s.serial = "92931905106463";
  s.plant.model = s.model;
  s.plant.units = units;
  s.plant.start = kStart;
  virtual_house::Setup house;
  house.start = kStart;
  s.plant.house = virtual_house::make_profile("constant:1000", house);
  return s;
}

inline twin::Machine machine_of(std::string_view model, int units = 1) {
  twin::Machine m{setup_of(model, units)};
  m.refresh();
  return m;
}

/// The payload of the reply, or "NAK".
inline std::string ask(twin::Machine& m, std::string_view query) {
  const auto answer = twin::answer_query(m, query);
  return answer ? answer->text : "NAK";
}

inline std::string ask18(twin::Machine& m, std::string_view query) {
  const auto answer = twin::answer_pi18_query(m, query);
  return answer ? answer->text : "NAK";
}

inline bool set(twin::Machine& m, std::string_view command) {
  return twin::apply_setter(m, command) == twin::SetResult::accepted;
}

}  // namespace mesura::axpert::test
