// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The virtual SmartMeter: plays the device's side for `mesura simulate smartmeter`, tests and benchmarks.
#pragma once

#include <mesura/plugin.hpp>

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "virtual_json.hpp"
#include "virtual_options.hpp"
#include "virtual_run.hpp"

namespace mesura::smartmeter {

/// A SmartMeter (or its sister, the PowerMeter) as its clients see it: commands and log lines on link 0, raw samples on
/// link 1, datagrams on link 2, the stream server on link 3, the broker on link 4.
///
/// Rows are paced by the host's clock alone, row n from start + n / rate on: whoever is late gets the missing rows in
/// one burst, and nothing drifts. Rows that a client does not take wait in the meter's buffer; when that is full the
/// meter logs it and restarts, as the real one does.
///
/// Emits what it reports in periodic states, answers and latched rows as the truth, and for each run the attributes
/// run_start, run_samples, run_sent and run_frames. Waveforms are not repeated: signal `count` describes itself.
///
/// errors  the constructor throws std::invalid_argument for options that contradict each other or cannot be read
class VirtualSmartMeter final : public Device {
 public:
  VirtualSmartMeter(Host host, const SessionInfo& info);

  void on_open(LinkId link, std::int64_t now_ns) override;
  void on_close(LinkId link, std::int64_t now_ns, std::string_view reason, bool final) override;
  void on_bytes(LinkId link, Bytes bytes, const Meta& meta) override;
  void on_timer(TimerId timer, std::int64_t now_ns) override;
  void on_peer(LinkId link, std::string_view peer, bool joined, std::int64_t now_ns) override;
  void on_command(const Command& command) override;

 private:
  enum class Level { all, debug, info, warning, error };

  /// Somebody at the other end of link 0, 1 or 3.
  struct Client {
    std::uint64_t id = 0;
    LinkId link = 0;
    std::string peer;      // empty on links that have one end only
    bool greeted = false;  // false: connected, but the meter has not seen it yet
    bool away = false;     // nobody holds the other end of the serial line
    Level level = Level::info;
    std::string input;                  // what is not handled yet
    std::vector<std::uint8_t> backlog;  // what the link did not take yet
  };
  /// Who asked: a client, or nobody (0): the broker.
  using Asker = std::uint64_t;
  static constexpr Asker kBrokerAsker = 0;

  struct CommandEntry {
    std::string_view name;
    bool needs_idle;
    void (VirtualSmartMeter::*run)(Asker, const twin::Json&);
    bool sister_only = false;
  };
  static const std::vector<CommandEntry>& commands();

  // ---- clients and what they are told (virtual_clients.cpp)
  Client* find(Asker id);
  Client* find(LinkId link, std::string_view peer);
  Client* last_tcp_client();
  [[nodiscard]] bool is_tcp(const Client& client) const;
  void join(LinkId link, std::string_view peer);
  void greet_next();
  void greet(Client& client);
  void leave(Asker id);
  void drop(Asker id);
  void drop_all();
  void read_lines(Asker id);
  void read_all();
  [[nodiscard]] bool may_read(const Client& client) const;
  void send(Client& client, std::string_view text);
  void send(Client& client, Bytes bytes);
  void flush_backlogs();
  void reply(Asker asker, std::string_view json);
  void refuse(Asker asker, std::string_view command, std::string_view message);
  void log(Level level, std::string_view text);

  // ---- commands (virtual_commands.cpp, virtual_setup_commands.cpp)
  void handle(Asker asker, std::string_view line);
  void run_command(Asker asker, const std::string& name, const twin::Json& document);
  [[nodiscard]] std::string info_json();
  [[nodiscard]] std::string busy_text() const;
  [[nodiscard]] bool busy() const { return run_.has_value() || settings_.faults.busy; }
  void info(Asker, const twin::Json&);
  template <class Pick>
  std::string per_line(const twin::Lines& lines, std::string_view quantity, double scale, Pick&& pick);
  void get_power(Asker, const twin::Json&);
  void get_voltage(Asker, const twin::Json&);
  void get_current(Asker, const twin::Json&);
  void get_energy(Asker, const twin::Json&);
  void get_period(Asker, const twin::Json&);
  void get_phase_angle(Asker, const twin::Json&);
  void restart(Asker, const twin::Json&);
  void factory_reset(Asker, const twin::Json&);
  void basic_reset(Asker, const twin::Json&);
  void mdns(Asker, const twin::Json&);
  void mqtt_server(Asker, const twin::Json&);
  void stream_server(Asker, const twin::Json&);
  void time_server(Asker, const twin::Json&);
  void add_wifi(Asker, const twin::Json&);
  void del_wifi(Asker, const twin::Json&);
  void ntp(Asker, const twin::Json&);
  void log_level(Asker, const twin::Json&);
  void get_log(Asker, const twin::Json&);
  void clear_log(Asker, const twin::Json&);
  void calibrate(Asker, const twin::Json&);
  void reset_energy(Asker, const twin::Json&);
  void daily_restart(Asker, const twin::Json&);
  void ade9k(Asker, const twin::Json&);
  void switch_relay(Asker, const twin::Json&);
  void publish_interval(Asker, const twin::Json&);
  void bare_ok(Asker, const twin::Json&);
  void done(Asker asker, std::string_view command, std::string_view message, std::string_view key = {},
            std::string_view value = {});
  [[nodiscard]] std::string ssids(bool dangling) const;
  void set_defaults(bool keep_name);
  void reboot();
  bool sync_time();

  // ---- sampling (virtual_sampling.cpp, virtual_delivery.cpp)
  void sample(Asker, const twin::Json&);
  void stop(Asker, const twin::Json&);
  void clear_to_send(Asker, const twin::Json&);
  void request_samples(Asker, const twin::Json&);
  [[nodiscard]] std::variant<twin::SampleRequest, std::string> check(const twin::Json& payload) const;
  [[nodiscard]] std::string check_sink(twin::SampleRequest& request) const;
  [[nodiscard]] const Client* raw_client() const;
  [[nodiscard]] std::string sample_json(const twin::SampleRequest& request, std::int64_t start_ns,
                                        std::string_view message, bool accepted) const;
  Client* owner_for(twin::Sink sink, Asker asker);
  void schedule_run(Asker asker, const twin::SampleRequest& request);
  [[nodiscard]] twin::Run make_run(twin::SampleRequest request, std::int64_t start_ns, const Client* owner);
  void begin(twin::Run&& run);
  void begin_scheduled();
  void start_raw();
  void start_file(std::int64_t now_ns);
  void end_run();
  void produce();
  [[nodiscard]] std::string stop_json();
  void finish_run();
  void tick();
  void arm_tick();
  void deliver();
  bool open_slot();
  void close_slot();
  [[nodiscard]] bool may_send() const;
  bool send_frame(std::size_t rows);
  bool flush_datagram();
  void open_udp();
  void send_tail();
  void flush_out();
  void publish_row(const std::uint8_t* row);
  void emit_row(const std::uint8_t* row, std::uint64_t number);
  void rate_lines();
  bool overflown();

  // ---- broker (virtual_mqtt.cpp)
  void open_broker();
  void close_broker();
  void broker_closed();
  void broker_message(std::string_view topic, std::string_view payload);
  void publish(std::string_view topic, std::string_view payload);
  void answer_sample(char what);
  [[nodiscard]] std::string state_json(bool emit);
  void publish_state();

  // ---- the model (virtual_meter.cpp)
  [[nodiscard]] std::int64_t device_ns() const { return now_ + offset_; }
  [[nodiscard]] std::int64_t house_second(std::int64_t now_ns) const;
  [[nodiscard]] twin::Lines lines() const { return signal_.at(house_second(now_)); }
  void advance_energy();
  void say_alive();
  void dial();
  void arm_daily();
  void check_daily();
  void booted();
  void arm_liveness();
  void emit_line(std::string_view channel, std::string_view quantity, double value,
                 std::int64_t time_ns = MESURA_NO_TIME);
  void emit_all();

  // ---- control (virtual_control.cpp)
  [[nodiscard]] std::string state_of_all();
  void change(std::string_view name, std::string_view value);
  void misbehave(std::string_view kind, std::string_view value);
  void rename(std::string_view name);

  twin::VirtualSettings settings_;
  std::int64_t now_;      // of the call that is being served
  std::int64_t offset_;   // of the meter's clock
  std::int64_t started_;  // of the session, for the house's time
  std::string command_kind_, udp_spec_;
  twin::Signal signal_;

  std::vector<std::unique_ptr<Client>> clients_;
  std::uint64_t next_id_ = 1;
  std::deque<std::string> log_file_;  // warnings and errors
  std::size_t log_bytes_ = 0;

  std::string name_, mqtt_server_ = "-", stream_server_ = "-", time_server_;
  std::vector<std::pair<std::string, std::string>> networks_;
  std::optional<std::pair<int, int>> daily_;
  std::map<std::int64_t, std::uint32_t> registers_;
  std::int64_t last_rate_;
  std::array<double, twin::kLines> energy_wh_{};
  std::int64_t energy_start_ns_;  // device time of the reset
  std::int64_t energy_until_;     // second of the house up to which energy_wh_ is counted

  std::optional<twin::Run> run_;
  std::optional<twin::Run> scheduled_;
  bool tcp_sampled_ = false;
  std::vector<std::uint8_t> out_;       // frames on their way to the owner
  std::vector<std::uint8_t> datagram_;  // one that the link did not take
  std::uint64_t rows_total_ = 0, frames_total_ = 0, runs_ = 0;

  bool rebooting_ = false;
  bool udp_open_ = false, dial_tried_ = false, dialled_ = false, dial_warned_ = false;
  bool broker_tried_ = false, broker_open_ = false;
  std::map<std::pair<std::string, std::string>, SeriesId> series_;
  std::vector<mesura_measurement> items_;
};

/// The name that all plugins give their twin.
using VirtualMeter = VirtualSmartMeter;

}  // namespace mesura::smartmeter
