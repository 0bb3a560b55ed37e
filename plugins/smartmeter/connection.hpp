// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "command_port.hpp"
#include "emitter.hpp"
#include "framer.hpp"
#include "json.hpp"
#include "run.hpp"
#include "settings.hpp"

#include <mesura/plugin.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace mesura::smartmeter {

/// The command channel of one device, from its greeting to its end: asks, keeps it alive, begins runs again.
class Connection final : public CommandPort, private FramerSink {
 public:
  class Owner {
   public:
    /// The device that this is; null if it is not wanted, then the owner ends the connection.
    virtual Emitter* name_device(Connection& connection, std::string_view name) = 0;
    virtual bool send_line(Connection& connection, std::string_view line) = 0;
    /// It can't be used any longer.
    virtual void give_up(Connection& connection, std::string_view reason) = 0;
    /// The data link, wherever it stands; true if it is open already.
    virtual bool open_data(Connection& connection) = 0;
    /// What changes the device, on behalf of a command.
    virtual bool tell_line(Connection& connection, std::uint64_t request, std::string_view line) = 0;
    // What may be meant for a command; true: it was.
    virtual bool command_reply(Connection& connection, const JsonObject& reply, std::string_view text) = 0;
    virtual bool command_line(Connection& connection, std::string_view text) = 0;
    /// One waits for its turn.
    [[nodiscard]] virtual bool command_waits(const Connection& connection) const = 0;
    virtual void command_rows(Connection& connection, std::int64_t rows) = 0;
    /// It has said who it is, for the first time on this connection.
    virtual void greeted(Connection& connection, const JsonObject& info) = 0;
    virtual void renamed(Connection& connection, std::string_view name) = 0;

   protected:
    ~Owner() = default;
  };
  static constexpr std::int64_t kNever = INT64_MAX;

  /// peer: of a device that dialled in, else empty.
  Connection(Host host, const Settings& settings, Owner& owner, std::string peer);

  [[nodiscard]] const std::string& peer() const { return peer_; }
  [[nodiscard]] const std::string& name() const { return name_; }        ///< that of its greeting
  [[nodiscard]] const std::string& address() const { return address_; }  ///< that it says is its own
  [[nodiscard]] bool is_running() const { return state_ == State::running; }
  /// When tick must be called next; never before that.
  [[nodiscard]] std::int64_t due() const { return due_; }

  void opened(std::int64_t now_ns);
  /// final: nothing more will come of a recording.
  void closed(std::int64_t now_ns, bool final);
  void bytes(Bytes bytes, std::int64_t received_ns, std::uint64_t offset);
  void datagram(Bytes bytes, std::int64_t received_ns, std::uint64_t offset);
  void raw(Bytes bytes, std::int64_t received_ns);
  void data_opened(std::int64_t now_ns);
  void data_closed(std::int64_t now_ns);
  void tick(std::int64_t now_ns);
  [[nodiscard]] bool is_open() const { return state_ != State::closed; }

  // The way of commands.
  [[nodiscard]] Model model() const override { return model_; }
  [[nodiscard]] const std::string& unit_name() const override { return name_; }
  [[nodiscard]] bool is_free() const override;
  bool ask(std::string_view line) override;
  bool tell(std::uint64_t request, std::string_view line) override;
  void set_awaiting(bool awaiting) override;
  [[nodiscard]] bool is_measuring() const override { return state_ == State::running; }
  [[nodiscard]] const Measure* measure() const override { return run_.active() ? run_.spec().measure : nullptr; }
  [[nodiscard]] std::int64_t rate() const override { return run_.active() ? run_.spec().rate : 0; }
  [[nodiscard]] std::uint64_t rows() const override { return run_.rows(); }
  [[nodiscard]] std::uint64_t lost_rows() const override { return run_.lost_rows(); }
  void hold(bool held) override;
  void begin_ordered(const RunOrder& order, const JsonObject& reply) override;
  void expect_rows(std::int64_t rows) override;
  void watch(bool watched) override { watched_ = watched; }
  void abandon() override;
  void renamed(std::string_view name) override;
  [[nodiscard]] Emitter* emitter() override { return emitter_; }
  [[nodiscard]] const Emitter* emitter() const { return emitter_; }

 private:
  enum class State {
    closed,
    greeting,  ///< it has not said who it is
    idle,
    waiting,   ///< until state_due_, then a run is prepared
    opening,   ///< the data link
    settling,  ///< serial: `stop` was sent
    starting,  ///< `sample` was sent
    running,
  };

  void on_line(std::string_view text, Bytes whole, std::uint64_t offset) override;
  void on_frame(const Frame& frame) override;
  void on_framing_fault(mesura_fault_kind kind, std::string_view code, std::string_view message, std::uint64_t offset,
                        std::uint64_t length) override;

  void on_reply(std::string_view text);
  void on_log_line(char level, std::string_view text);
  void on_liveness();
  void on_info();
  void on_sample_reply();
  void on_stop_reply();
  void refused();
  void begin_run();
  void begin_default_run(LinkId link);
  [[nodiscard]] Run::Spec spec_of_reply(const Measure& measure) const;

  void give_up(std::string_view reason);
  void ready();
  void prepare();
  void send_sample();
  [[nodiscard]] std::string sample_command(const Settings::Request& request) const;
  [[nodiscard]] std::int64_t start_time() const;
  void wait(std::int64_t ns);
  void retry(std::string_view why);
  void end_run(std::string_view why);
  void resume();
  void poll_next();
  [[nodiscard]] FlowControl flow_control() const;
  void on_poll_reply();
  void request_rows();
  [[nodiscard]] static std::size_t rows_to_request(const Measure& measure, std::int64_t rate);
  void state_due();
  void watch_silence();
  [[nodiscard]] std::int64_t patience() const;
  bool send(std::string_view line);
  void enter(State state, std::int64_t due_ns = kNever);
  void reckon();
  void log(mesura_log_level level, std::string_view message);
  void fault(mesura_fault_kind kind, std::string_view code, std::string_view message);

  Host host_;
  const Settings& settings_;
  Owner& owner_;
  std::string peer_;
  std::string name_, address_;
  Emitter* emitter_ = nullptr;
  Model model_ = Model::smartmeter;
  Framer framer_;
  Run run_;
  JsonObject reply_;

  State state_ = State::closed;
  std::int64_t now_ns_ = 0;  ///< of the call that is going on
  std::uint64_t line_offset_ = 0;
  std::int64_t due_ = kNever;
  std::int64_t state_due_ = kNever;
  std::int64_t keepalive_due_ = kNever;
  std::int64_t poll_due_ = kNever;
  std::int64_t round_ns_ = 0;  ///< when the present round of questions began
  std::int64_t seen_ns_ = 0;   ///< last sign of life
  bool asked_ = false;         ///< if it is still there
  bool data_open_ = false;
  int tries_ = 0;              ///< greeting: questions; else refusals in a row
  int idle_lines_ = 0;         ///< liveness lines in a row while sampling
  int resumed_question_ = -1;  ///< with which a round goes on that made way for a command
  int polling_ = -1;           ///< index of the question that waits for its answer
  std::int64_t scheduled_ns_ = 0;
  std::size_t requested_rows_ = 0;
  bool awaiting_ = false;  ///< a command waits for its answer
  bool held_ = false;      ///< a command keeps our own runs from beginning
  bool watched_ = false;
  bool abandoned_ = false;  ///< the scheduled run at hand is to be stopped when it begins
  bool ordered_ = false;    ///< the run at hand is one that a command asked for
  std::int64_t ordered_slots_ = 0;
};

}  // namespace mesura::smartmeter
