// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "answer_parser.hpp"
#include "commands.hpp"
#include "fleet.hpp"
#include "poller.hpp"
#include "settings.hpp"
#include "splitter.hpp"

#include <mesura/plugin.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace mesura::ct6 {

/// The question that units answer over UDP; they compare it byte by byte.
inline constexpr std::string_view kQuestion = R"({"AYT":"-!#8[dkG^v's!dRznE}6}8sP9}QoIR#?O&pg)Qra"})";

/// One CT6 unit, or all of a network: asked over UDP or HTTP, or heard over MQTT, or read from a file.
class Ct6Session final : public Device, private PollerSink, private SplitterSink {
 public:
  Ct6Session(Host host, const SessionInfo& info);

  void on_open(LinkId link, std::int64_t now_ns) override;
  void on_close(LinkId link, std::int64_t now_ns, std::string_view reason, bool final) override;
  void on_bytes(LinkId link, Bytes bytes, const Meta& meta) override;
  void on_timer(TimerId timer, std::int64_t now_ns) override;
  void on_command(const Command& command) override;
  void on_cancel(std::uint64_t request, std::int64_t now_ns) override;

 private:
  enum : TimerId { kPollTimer = 0, kDiscoverTimer = 1 };

  bool ask(Target& target) override;
  void missed(Target& target) override;
  void fell_silent(Target& target, std::int64_t now_ns) override;
  void look_after(Target& target, std::int64_t now_ns) override;
  void on_object(std::string_view text, std::uint64_t offset) override;
  void on_problem(const Problem& problem) override;

  Target* add_target(std::string_view address, bool fixed);
  void add_known_targets();
  void discover();
  void turn();
  Target* target_of(const Meta& meta);
  /// Where the web server of a unit is, or empty and why.
  std::string web_server_of(DeviceId device, std::string& why) const;
  void on_http_data(Bytes bytes, const Meta& meta);
  void on_check(Bytes bytes, const Meta& meta);
  void report_silent(Target& target, const Unit& unit, bool active);
  /// A whole message; `target`: who was asked, if it is known.
  Outcome take(Bytes bytes, std::uint64_t offset, Target* target, std::string_view address);
  Target* find_or_add(std::string_view address);
  void tell(const Problem& problem, std::uint64_t offset, LinkId link);
  void tell_problems(std::uint64_t offset, LinkId link);
  void note(std::string_view code, std::string_view message, LinkId link, std::uint64_t offset = 0,
            std::uint64_t length = 0);

  Settings settings_;
  AnswerParser parser_;
  std::unique_ptr<AnswerParser> check_parser_;
  Splitter splitter_;
  Fleet fleet_;
  Poller poller_;
  Answer answer_;
  Problems problems_;
  Batch batch_;
  std::int64_t now_ns_;
  std::chrono::nanoseconds discover_in_{};
  bool asks_ = false;  ///< this mode has somebody to ask
  bool open_ = false;  ///< the data link
  bool http_open_ = false;
  Commands commands_;
};

}  // namespace mesura::ct6
