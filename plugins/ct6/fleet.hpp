// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "answer.hpp"
#include "poller.hpp"
#include "settings.hpp"
#include "text_map.hpp"
#include "unit.hpp"

#include <mesura/plugin.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace mesura::ct6 {

/// Which unit an answer is of.
///
/// Alone, all answers are those of the session's device. In a fleet a unit is known by the key of the configuration, by
/// its address where it has none, and keeps its identity when it moves to another address. Two units that say they are
/// the same one are told apart by their addresses.
class Fleet {
 public:
  Fleet(Host host, const Settings& settings);

  /// nullptr: there are too many.
  /// target     the address that answered, if it is one that was asked
  /// address    where the answer comes from: a peer, an MQTT topic, or nothing
  Unit* unit_of(const Answer& answer, Target* target, std::string_view address, std::int64_t now_ns);

  /// The unit that the host knows by this number; nullptr: none has it.
  [[nodiscard]] const Unit* find(DeviceId device) const;

  /// Takes the names in the answer, and says what is odd about them.
  void take_texts(Unit& unit, const Answer& answer, std::string_view address, Problems& problems);

 private:
  Unit* known(std::string_view token, std::string_view address, const Answer& answer);
  Unit* follow(Unit* unit, Target& target, const Answer& answer, std::int64_t now_ns);
  void take_name(Unit& unit, std::string_view address);
  [[nodiscard]] std::string_view key_token(const Answer& answer) const;

  Host host_;
  const Settings& settings_;
  Unit primary_;
  bool other_told_ = false;
  TextMap<std::unique_ptr<Unit>> units_;  ///< by JSON token of their key, or by address
  TextMap<Unit*> names_;                  ///< by a form of the name that does not tell `A-1` from `a_1`
};

}  // namespace mesura::ct6
