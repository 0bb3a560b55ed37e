// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The virtual inverter: plays an inverter on a serial line or as a HID device for `mesura simulate axpert`, tests,
// demos.
#pragma once

#include <mesura/plugin.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "virtual_control.hpp"
#include "virtual_faults.hpp"
#include "virtual_frame.hpp"
#include "virtual_machine.hpp"
#include "virtual_options.hpp"

namespace mesura::axpert {

/// A slave: it speaks only when it is asked, one reply at a time for each client. Link 0 carries bytes in any pieces;
/// on link 1 a message is one report. On a file it writes the replies to `command` one after another.
///
/// Timers run only while a reply is waiting or under way. The machine lives through the seconds when it is asked.
///
/// Truth is emitted when a reply's last byte has left; a reply that a fault spoilt, or that the host did not take,
/// emits nothing.
///
/// errors  the constructor throws std::invalid_argument for options that contradict each other or cannot be read
class VirtualAxpert final : public Device {
 public:
  VirtualAxpert(Host host, const SessionInfo& info);

  void on_open(LinkId link, std::int64_t now_ns) override;
  void on_close(LinkId link, std::int64_t now_ns, std::string_view reason, bool final) override;
  void on_peer(LinkId link, std::string_view peer, bool joined, std::int64_t now_ns) override;
  void on_bytes(LinkId link, Bytes bytes, const Meta& meta) override;
  void on_timer(TimerId timer, std::int64_t now_ns) override;
  void on_command(const Command& command) override;

 private:
  /// A sealed reply on its way.
  struct Reply {
    std::string bytes;
    std::vector<twin::Truth> truth;
    bool nak = false;
    bool chk = false;
    bool spoilt = false;
    bool oversize = false;  ///< HID: in reports of twice the size
  };

  /// One client at one link, with the request it is writing and the reply it is getting.
  struct Port {
    bool used = false;
    LinkId link = 0;
    std::string peer;
    TimerId timer = 0;
    twin::RequestReader reader;
    std::string waiting;             ///< input that came while a reply was under way
    std::int64_t first_byte_ns = 0;  ///< of the request that is being read
    std::size_t request_bytes = 0;
    bool busy = false;
    Reply reply;
    std::size_t sent = 0;
    std::int64_t begin_ns = 0;        ///< when the reply's first bit leaves
    std::deque<std::string> reports;  ///< HID: still to be sent
    std::string reply_before;
  };

  Port& port_of(LinkId link, std::string_view peer);
  void forget(Port& port);
  void feed(Port& port, std::string_view bytes, std::int64_t now_ns);
  void keep_for_later(Port& port, std::string_view bytes);
  void take(Port& port, twin::RequestReader::Event event, std::int64_t now_ns);

  // What is answered.
  bool respond(std::string_view frame, Reply& reply);
  bool respond_pi18(std::string_view frame, Reply& reply);
  twin::SetResult changed(std::string_view command);
  bool conclude(std::string_view frame, twin::Answer* answer, twin::SetResult set, Reply& reply);
  Reply refusal(bool chk);
  Reply sealed(twin::Answer answer);
  void draw_content_faults();
  [[nodiscard]] bool pi18() const { return machine_.in(twin::kPi18); }

  // How it leaves.
  void begin_reply(Port& port, Reply reply, std::int64_t now_ns);
  void begin_sending(Port& port, std::int64_t now_ns);
  void pump(Port& port, std::int64_t now_ns);
  bool pump_bytes(Port& port, std::int64_t now_ns);
  bool pump_reports(Port& port, std::int64_t now_ns);
  void finish(Port& port, std::int64_t now_ns);
  void disconnect(Port& port);
  void push(Port& port, std::string_view bytes);
  std::chrono::nanoseconds latency(const Port& port, std::int64_t now_ns);
  void write_to_file(std::int64_t now_ns);

  void emit_truth(const std::vector<twin::Truth>& truth, std::int64_t now_ns);
  void fault_command(const Command& command);

  twin::Behaviour behaviour_;
  twin::Machine machine_;
  twin::FaultPlan faults_;
  virtual_house::Random latencies_;
  twin::Counters counters_;
  bool to_file_;
  std::uint64_t file_replies_ = 0;
  std::int64_t busy_until_ns_ = 0;
  std::vector<std::unique_ptr<Port>> ports_;
  std::map<std::pair<std::string, std::string_view>, SeriesId> series_;
  std::vector<mesura_measurement> items_;
};

}  // namespace mesura::axpert
