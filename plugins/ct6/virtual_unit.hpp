// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The virtual CT6: plays the unit for `mesura simulate ct6`, tests, demos and the vendor's own tools.
#pragma once

#include <mesura/plugin.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "virtual_api.hpp"
#include "virtual_broker.hpp"
#include "virtual_control.hpp"
#include "virtual_faults.hpp"
#include "virtual_http.hpp"
#include "virtual_machine.hpp"
#include "virtual_options.hpp"

namespace mesura::ct6 {

/// Links: 0 data (UDP, or a file that answers are written to), 1 broadcast, 2 http, 3 broker.
///
/// An AYT on link 0 or 1 is answered from link 0 to its sender, at the unit's next look at its socket: every 100 ms,
/// and up to 50 ms late. Nothing runs while nobody asks: the readings behind an answer are computed for it.
///
/// What an answer, message or reply carried is emitted as it is read on the wire, before any rule of sign; what was
/// lost, cut or not taken by the host is not. A power factor that the firmware took away says nothing and is left out.
///
/// errors  the constructor throws std::invalid_argument for options that contradict each other or cannot be read
class VirtualCt6 final : public Device {
 public:
  VirtualCt6(Host host, const SessionInfo& info);

  void on_open(LinkId link, std::int64_t now_ns) override;
  void on_close(LinkId link, std::int64_t now_ns, std::string_view reason, bool final) override;
  void on_bytes(LinkId link, Bytes bytes, const Meta& meta) override;
  void on_timer(TimerId timer, std::int64_t now_ns) override;
  void on_peer(LinkId link, std::string_view peer, bool joined, std::int64_t now_ns) override;
  void on_command(const Command& command) override;

 private:
  struct Connection {
    twin::HttpReader reader;
    bool served = false;
  };
  struct Reply {
    std::int64_t due_ns;
    std::string peer;
    twin::ApiReply reply;
  };
  /// A command, kept until the host tells the time.
  struct Order {
    std::uint64_t id = 0;
    std::string command, name, value, kind;
    std::int64_t count = 1, seconds = 5;
  };

  void hear(std::string_view datagram, const Meta& meta);
  void look_at_socket(std::int64_t now_ns);
  void arm_look(std::int64_t now_ns);
  void answer(std::string_view peer, std::int64_t now_ns);
  void write_answer(std::int64_t now_ns);
  void publish(std::int64_t now_ns);
  void request(std::string_view peer, std::string_view bytes, std::int64_t now_ns);
  void send_replies(std::int64_t now_ns);
  void finish_reply(const Reply& reply);
  void go_down(std::int64_t now_ns, std::int64_t outage_ns, bool restarts);
  void come_back(std::int64_t now_ns);
  void emit_truth(std::int64_t now_ns);
  void do_command(const Order& order, std::int64_t now_ns);
  void do_set(const Order& order, std::int64_t now_ns);
  void do_fault(const Order& order, std::int64_t now_ns);
  void switch_power(const Order& order, std::int64_t now_ns);
  [[nodiscard]] std::int64_t outage_ns();
  [[nodiscard]] int nan_port();

  twin::UnitSettings settings_;
  twin::Machine machine_;
  twin::Faults faults_;
  twin::Broker broker_;
  twin::Counters counters_;
  twin::Random random_;
  std::int64_t look_phase_ns_;
  bool look_armed_ = false;
  std::deque<std::string> asked_;  ///< peers whose AYT lie in the socket
  std::string out_;
  std::map<std::string, Connection, std::less<>> connections_;
  std::deque<Reply> replies_;
  std::deque<Order> orders_;
  std::int64_t busy_until_ns_ = 0;
  bool restarts_ = true;  ///< the present outage ends with a boot
  bool switched_off_ = false;
  std::uint64_t written_ = 0;
  std::vector<SeriesId> series_;
  std::vector<bool> resolved_;
  std::vector<mesura_measurement> items_;
};

}  // namespace mesura::ct6
