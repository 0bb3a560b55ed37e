// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "command_port.hpp"
#include "emitter.hpp"
#include "json.hpp"
#include "settings.hpp"

#include <mesura/plugin.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace mesura::smartmeter {

/// SmartMeters behind an MQTT broker: their periodic states, answers and slow sampling, as messages.
class Broker {
 public:
  static constexpr std::int64_t kNever = INT64_MAX;
  /// Gives the emitter of the device that calls itself so; null if it is not wanted.
  using Namer = std::function<Emitter*(std::string_view name)>;

  /// What may be meant for a command; true: it was. `reply` is null where the text is no JSON.
  using CommandReply = std::function<bool(DeviceId device, const JsonObject* reply, std::string_view text)>;

  Broker(Host host, const Settings& settings, Namer namer, CommandReply command_reply);

  void opened(std::int64_t now_ns);
  void closed();
  void message(std::string_view topic, Bytes payload, std::int64_t received_ns);
  void tick(std::int64_t now_ns);
  [[nodiscard]] std::int64_t due() const { return due_; }
  /// The way to one device; null: it has not published yet, or `why_not` says.
  [[nodiscard]] CommandPort* port(DeviceId device);
  /// Empty: it may come yet.
  [[nodiscard]] std::string why_not(DeviceId device) const;

 private:
  /// A device, and its topics for commands. Runs of its own are none of a command's business here: rows are messages.
  struct Unit final : CommandPort {
    Unit(Broker& of, std::string called, Emitter* to) : broker(of), name(std::move(called)), out(to) {}

    [[nodiscard]] Model model() const override { return kind; }
    [[nodiscard]] const std::string& unit_name() const override { return name; }
    [[nodiscard]] bool is_free() const override { return true; }
    bool ask(std::string_view line) override;
    bool tell(std::uint64_t request, std::string_view line) override;
    void set_awaiting(bool) override {}
    [[nodiscard]] bool is_measuring() const override;
    [[nodiscard]] const Measure* measure() const override { return nullptr; }
    [[nodiscard]] std::int64_t rate() const override { return 0; }
    [[nodiscard]] std::uint64_t rows() const override { return 0; }
    [[nodiscard]] std::uint64_t lost_rows() const override { return 0; }
    void hold(bool held) override { broker.held_ = held; }
    void begin_ordered(const RunOrder&, const JsonObject&) override { broker.held_ = false; }
    void expect_rows(std::int64_t) override {}
    void watch(bool) override {}
    void abandon() override { ask(R"({"cmd":"stop"})"); }
    void renamed(std::string_view to) override;
    [[nodiscard]] Emitter* emitter() override { return out; }
    [[nodiscard]] std::string topic() const;

    Broker& broker;
    std::string name;  ///< as it calls itself now
    Emitter* out;
    Model kind = Model::smartmeter;
    std::int64_t row_ns = 0;  ///< when its last row of sampling came
  };

  Unit* unit_of(std::string_view name);

  void on_state(std::string_view text, Unit& unit, std::int64_t received_ns);
  void on_info(std::string_view text, Unit& unit, std::int64_t received_ns);
  void on_switch(std::string_view text, Unit& unit, std::int64_t received_ns);
  void on_reply(Unit& unit, std::int64_t received_ns);
  void publish(std::string_view kind, std::string_view payload);
  void ask();
  void sample(std::int64_t now_ns);
  [[nodiscard]] bool rows_come(std::int64_t now_ns) const;
  void bad_message(std::string_view expected, std::string_view text);

  Host host_;
  const Settings& settings_;
  Namer namer_;
  JsonObject json_;
  CommandReply command_reply_;
  std::map<std::string, std::unique_ptr<Unit>, std::less<>> units_;  ///< by the name that they came with
  std::map<std::string, std::string, std::less<>> renamed_;          ///< new name to that one
  std::int64_t now_ns_ = 0;
  bool held_ = false;  ///< a command keeps our sampling from beginning
  std::int64_t due_ = kNever;
  std::string topic_;  ///< of the message at hand
};

}  // namespace mesura::smartmeter
