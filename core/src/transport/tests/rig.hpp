// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
// What the contract suite needs of the world around a transport, for each kind and way of using it.
#pragma once

#include "fixture.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::transport::test {

/// The outside of one transport.
class Rig {
 public:
  virtual ~Rig() = default;
  virtual std::unique_ptr<Transport> make(const Context& context) = 0;
  /// The transport is open: connect to it where that is needed.
  virtual void meet(Fixture& /*f*/, Transport& /*transport*/) {}
  /// Lets the outside speak; how much it could say now.
  virtual std::size_t say(std::string_view bytes) = 0;
  virtual std::string hear() { return {}; }
  /// Ends the line from outside, or just one visit where can_unplug is false.
  virtual void unplug() {}

  std::string to;          ///< where what is sent goes
  bool preloaded = false;  ///< says everything before the transport opens
  bool hears = true;
  bool stream = true;  ///< delivers all bytes; datagrams may get lost
  bool can_unplug = true;
  bool lingers = false;  ///< threads let go of their descriptors a moment after the transport has
  std::string end_code;
  bool end_is_final = false;
};

struct RigKind {
  const char* name;
  std::unique_ptr<Rig> (*make)();
};
/// All that this program can make.
[[nodiscard]] const std::vector<RigKind>& rigs();

template <class T>
std::unique_ptr<Rig> make_rig() {
  return std::make_unique<T>();
}

std::unique_ptr<Rig> make_http_rig();
// Of the kinds that may be left out.
std::unique_ptr<Rig> make_hid_rig();
std::unique_ptr<Rig> make_mqtt_rig();

}  // namespace mesura::transport::test
