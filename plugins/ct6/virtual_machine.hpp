// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The virtual CT6 without its network: what it remembers, measures and answers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "virtual_answer.hpp"
#include "virtual_chips.hpp"
#include "virtual_config.hpp"
#include "virtual_files.hpp"
#include "virtual_firmware.hpp"
#include "virtual_loads.hpp"
#include "virtual_sampler.hpp"

namespace mesura::ct6::twin {

struct MachineSetup {
  std::uint64_t seed = 1;
  Firmware firmware;
  int ports = 6;
  bool calibrated = true;  ///< gains that fit, and a factory.cfg that keeps them
  LoadSetup loads;
  Object config;             ///< over the defaults
  std::string address;       ///< what IP_ADDRESS says
  bool clock_unset = false;  ///< no NTP server answers, ever
  std::int64_t clock_skew_s = 0;
  std::int64_t sample_ns = 0;  ///< between readings; 0: the firmware's
  std::int64_t now_ns = 0;
};

class Machine {
 public:
  enum class State {
    running,
    restarting,   ///< between losing its supply and having booted
    bricked,      ///< the firmware stopped while booting
    off_network,  ///< runs, but has no WiFi
  };
  enum class Path { udp, mqtt };

  /// A unit that has been running for a while.
  explicit Machine(MachineSetup setup);

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool online() const { return state_ == State::running; }
  [[nodiscard]] const std::string& why() const { return why_; }  ///< bricked: what the firmware stumbled over
  [[nodiscard]] bool active() const { return config_.truthy("ACTIVE"); }
  [[nodiscard]] const Config& config() const { return config_; }
  [[nodiscard]] const Firmware& firmware() const { return firmware_; }
  [[nodiscard]] const Chips& chips() const { return chips_; }
  [[nodiscard]] Loads& loads() { return loads_; }
  [[nodiscard]] Files& files() { return files_; }
  [[nodiscard]] const Files& files() const { return files_; }
  [[nodiscard]] std::uint64_t seed() const { return setup_.seed; }
  [[nodiscard]] int ports() const { return setup_.ports; }
  [[nodiscard]] std::int64_t uptime_s(std::int64_t now_ns) const;
  [[nodiscard]] std::int64_t flash_writes() const { return flash_writes_; }
  /// Of the slot that the boot script will start next.
  [[nodiscard]] int next_slot() const { return config_.number("APP", 1) == 2 ? 2 : 1; }
  [[nodiscard]] int running_slot() const { return running_slot_; }
  [[nodiscard]] const std::string& wifi_led() const { return wifi_led_; }
  [[nodiscard]] bool bluetooth_led() const { return bluetooth_led_; }
  void set_wifi_led(std::string mode) { wifi_led_ = std::move(mode); }
  void set_bluetooth_led(bool on) { bluetooth_led_ = on; }

  /// Keeps a value, in two flash writes.
  void store(std::string_view key, Value value);
  void save();
  void reset_config();
  void provision(bool on);
  void set_address(std::string_view address);
  void save_factory();
  /// Loads the calibration registers now. false: the firmware throws.
  bool load_registers(std::int64_t now_ns);

  void shut_down() { state_ = State::restarting; }
  /// The network is back, and nothing was restarted.
  void resume() { state_ = config_.provisioned() ? State::running : State::off_network; }
  /// Reads configuration and app from flash and goes on from there.
  void boot(std::int64_t now_ns);

  /// Folds what has been measured so far; to be called before a load is changed by hand.
  void settle(std::int64_t now_ns);
  /// Appends the answer of a path with the samples since its last one. false: there is none.
  /// header    the keys that only UDP answers have
  /// nan_port  prints nan as the power of that port; 0: none
  bool answer(Path path, std::int64_t now_ns, int nan_port, std::string& out);
  /// Appends the stats object of this moment, as HTTP gives it.
  void live_stats(std::int64_t now_ns, std::string& out);
  [[nodiscard]] const TruthValues& truth() const { return writer_.truth(); }

 private:
  [[nodiscard]] std::int64_t clock_s(std::int64_t now_ns) const;
  [[nodiscard]] const Reading& ramp(std::uint64_t k);
  [[nodiscard]] Config fresh_config() const;
  void read_flash();
  void refresh() { writer_.rebuild(config_, firmware_, setup_.ports, setup_.address); }

  MachineSetup setup_;
  Firmware firmware_;
  Config config_;
  Files files_;
  Loads loads_;
  Chips chips_;
  Sampler sampler_;
  Window udp_, mqtt_;
  std::uint64_t udp_count_ = 0, mqtt_count_ = 0;
  Reading ramp_;
  AnswerWriter writer_;
  State state_ = State::running;
  std::string why_;
  std::int64_t boot_ns_;
  bool clock_was_set_ = true;  ///< before the last boot
  int running_slot_ = 1;
  std::int64_t flash_writes_ = 0;
  std::string wifi_led_ = "release";
  bool bluetooth_led_ = false;
};

[[nodiscard]] std::string_view name_of(Machine::State state);

}  // namespace mesura::ct6::twin
