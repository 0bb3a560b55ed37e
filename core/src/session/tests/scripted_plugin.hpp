// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// A plugin that does what its input says, and a transport that a test plays by hand.
#pragma once

#include "plugin/loader.hpp"
#include "transport/transport.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::test {

/// Takes lines; each is a frame:
///   set CHANNEL QUANTITY VALUE   emits a measurement at the receive time
///   text CHANNEL QUANTITY WORD   emits a text
///   throw WORD                   throws std::runtime_error
///   fail WORD                    asks the host to end the session
///   bad                          reports a rejected frame
///   timer                        arms timer 1 with 10 s; it emits total/active_power 7
///   unit KEY NAME                emits active_power 1 for a device of a fleet
///   drop                         asks for a new connection
///   send WORD                    sends WORD
///   done WORD                    replies to the last command
/// Command `write WORD` sends "DEVICE-NUMBER WORD" and waits for "done", `throw` throws; a cancelled one sends
/// "enough". Option `create: throw` makes the constructor throw.
[[nodiscard]] const plugin::LoadedPlugin& scripted_plugin();

class Wire;

/// The transport that a Wire makes.
class Port final : public transport::Transport {
 public:
  Port(Wire& wire, runtime::EventLoop& loop) : wire_(wire), loop_(loop) {}
  ~Port() override { close(); }
  void open(transport::Listener& listener) override;
  void close() override;
  bool send(transport::Bytes bytes, std::string_view to) override;
  [[nodiscard]] std::string describe() const override { return "a wire"; }
  [[nodiscard]] bool live() const override;

  void pause(bool on) override { paused = on; }
  bool paused = false;

  void opened() { listener_->on_open(); }
  void receive(std::string_view text);
  void end(bool final);

 private:
  Wire& wire_;
  runtime::EventLoop& loop_;
  transport::Listener* listener_ = nullptr;
  std::uint64_t offset_ = 0;
};

/// What a test and its transports share.
class Wire {
 public:
  Port* port = nullptr;  ///< the transport that is open or opening now
  std::vector<std::string> sent;
  bool live = true;

  void accept() { port->opened(); }                                              ///< the present transport is open
  void line(std::string_view text) { port->receive(std::string{text} + "\n"); }  ///< arrives with a line feed
  void hang_up(bool final) { port->end(final); }
  /// For Link and Device: each attempt makes a new transport.
  [[nodiscard]] std::unique_ptr<transport::Transport> make(runtime::EventLoop& loop) {
    return std::make_unique<Port>(*this, loop);
  }
};

}  // namespace mesura::test
