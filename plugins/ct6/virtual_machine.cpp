// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_machine.hpp"

#include <cmath>

#include "virtual_random.hpp"

namespace mesura::ct6::twin {
namespace {

constexpr std::int64_t kMillisecond = 1'000'000;
constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kClockOfPico = 1'609'459'200;  // 2021-01-01T00:00:00Z, until NTP has answered
constexpr std::int64_t kFirstNtp = kSecond;
constexpr std::uint64_t kPhaseChance = 10;
constexpr int kOffsetAsCalibrated = 64536;

constexpr std::string_view kMachineFile = "/this.machine.cfg";
constexpr std::string_view kFactoryFile = "/factory.cfg";

std::int64_t sample_period(const MachineSetup& setup, const Firmware& firmware) {
  return setup.sample_ns > 0 ? setup.sample_ns : firmware.sample_ms * kMillisecond;
}

}  // namespace

std::string_view name_of(Machine::State state) {
  switch (state) {
    case Machine::State::running: return "running";
    case Machine::State::restarting: return "restarting";
    case Machine::State::bricked: return "bricked";
    case Machine::State::off_network: return "off_network";
  }
  return "";
}

Machine::Machine(MachineSetup setup)
    : setup_(std::move(setup)),
      firmware_(setup_.firmware),
      config_(fresh_config()),
      files_(firmware_.text),
      loads_(setup_.loads),
      chips_(true_gains(setup_.seed, setup_.ports, firmware_.input_gain), setup_.seed),
      sampler_(static_cast<std::int64_t>(chance_of(setup_.seed, kPhaseChance, 0) % 200) * kMillisecond,
               sample_period(setup_, firmware_)),
      boot_ns_(setup_.now_ns) {
  if (setup_.calibrated) {
    const TrueGains gains = true_gains(setup_.seed, setup_.ports, firmware_.input_gain);
    config_.put("CS4_VOLTAGE_GAIN", Value{gains.voltage[0]});
    config_.put("CS0_VOLTAGE_GAIN", Value{gains.voltage[1]});
    for (int port = 1; port <= setup_.ports; ++port) {
      config_.put(port_key(port, "_IGAIN"), Value{gains.current[static_cast<std::size_t>(port - 1)]});
      config_.put(port_key(port, "_IOFFSET"), Value{kOffsetAsCalibrated});
    }
  }
  config_.provision(true);
  for (const Member& m : setup_.config) config_.put(m.key, m.value);
  if (setup_.calibrated) files_.write(kFactoryFile, config_.factory());
  files_.write(kMachineFile, Value{config_.object()}.dump());
  if (!chips_.load(config_, why_)) state_ = State::bricked;
  sampler_.restart(udp_, setup_.now_ns);
  sampler_.restart(mqtt_, setup_.now_ns);
  refresh();
}

Config Machine::fresh_config() const { return {firmware_, setup_.ports}; }

std::int64_t Machine::uptime_s(std::int64_t now_ns) const { return (now_ns - boot_ns_) / kSecond; }

std::int64_t Machine::clock_s(std::int64_t now_ns) const {
  const bool set = !setup_.clock_unset && (clock_was_set_ || now_ns - boot_ns_ >= kFirstNtp);
  return set ? now_ns / kSecond + setup_.clock_skew_s : kClockOfPico + uptime_s(now_ns);
}

void Machine::store(std::string_view key, Value value) {
  config_.put(key, std::move(value));
  save();
  ++flash_writes_;  // each key is written twice
}

void Machine::save() {
  files_.write(kMachineFile, Value{config_.object()}.dump());
  ++flash_writes_;
  refresh();
}

void Machine::reset_config() {
  Config fresh = fresh_config();
  if (firmware_.keeps_slot) fresh.put("APP", Value{next_slot()});
  config_ = std::move(fresh);
  save();
}

void Machine::provision(bool on) {
  config_.provision(on);
  save();
}

void Machine::set_address(std::string_view address) {
  setup_.address = std::string(address);
  refresh();
}

void Machine::save_factory() {
  files_.write(kFactoryFile, config_.factory());
  ++flash_writes_;
}

bool Machine::load_registers(std::int64_t now_ns) {
  settle(now_ns);
  std::string why;
  return chips_.load(config_, why);
}

void Machine::read_flash() {
  Config read = fresh_config();
  if (const std::string* file = files_.read(kMachineFile)) read.merge(*file);
  if (const std::string* file = files_.read(kFactoryFile)) read.merge(*file);
  config_ = std::move(read);
}

void Machine::boot(std::int64_t now_ns) {
  boot_ns_ = now_ns;
  clock_was_set_ = false;
  wifi_led_ = "release";
  bluetooth_led_ = false;
  read_flash();
  running_slot_ = next_slot();
  const std::string folder = slot_folder(running_slot_);
  why_.clear();
  state_ = config_.provisioned() ? State::running : State::off_network;
  if (!files_.has_app(folder)) {
    why_ = folder + " holds no app";
    state_ = State::bricked;
    return;
  }
  if (const auto version = files_.app_version(folder))
    if (auto firmware = find_firmware(*version)) firmware_ = std::move(*firmware);
  read_flash();  // with the defaults of this firmware
  chips_.replace(true_gains(setup_.seed, setup_.ports, firmware_.input_gain));
  if (!chips_.load(config_, why_)) state_ = State::bricked;
  files_.write(kMachineFile, Value{config_.object()}.dump());
  sampler_.set_period(sample_period(setup_, firmware_));
  sampler_.restart(udp_, now_ns);
  sampler_.restart(mqtt_, now_ns);
  refresh();
}

void Machine::settle(std::int64_t now_ns) {
  if (!online()) return;
  sampler_.fold(udp_, now_ns, loads_, chips_, firmware_.averaging);
  sampler_.fold(mqtt_, now_ns, loads_, chips_, firmware_.averaging);
}

const Reading& Machine::ramp(std::uint64_t k) {
  // Binary fractions that seven digits hold: what is printed is what was meant, to the last bit.
  const auto step = static_cast<double>(k % 10000);
  ramp_.ports.resize(static_cast<std::size_t>(setup_.ports));
  for (int port = 1; port <= setup_.ports; ++port) {
    PortReading& p = ramp_.ports[static_cast<std::size_t>(port - 1)];
    const double magnitude = step + port * 0.5;
    const double direction = port % 2 == 0 ? 1 : -1;
    p.active_w = direction * magnitude;
    p.reactive_var = direction * magnitude / 4;
    p.apparent_va = magnitude + 1;
    p.factor = direction * 0.875;
    p.irms_a = static_cast<double>(k % 64) + port * 0.03125;
    p.ipeak_a = p.irms_a * 2;
    p.vrms_v = 230 + chip_of(port) * 0.5;
    p.frequency_hz = 50;
    p.chip_celsius = 31;
  }
  ramp_.read_us = 30000;
  ramp_.rssi_dbm = -51.5;
  ramp_.board_celsius = 24.75;
  return ramp_;
}

bool Machine::answer(Path path, std::int64_t now_ns, int nan_port, std::string& out) {
  Window& window = path == Path::udp ? udp_ : mqtt_;
  std::uint64_t& count = path == Path::udp ? udp_count_ : mqtt_count_;
  AnswerWriter::Shape shape;
  shape.header = path == Path::udp;
  shape.nan_port = nan_port;
  shape.time_s = clock_s(now_ns);
  const bool averages = firmware_.averaging == Averaging::running || firmware_.averaging == Averaging::mean;
  const Reading* reading = nullptr;
  if (averages) {
    sampler_.fold(window, now_ns, loads_, chips_, firmware_.averaging);
    shape.single = window.count == 1;
    reading = sampler_.take(window, firmware_.averaging);
  } else {
    shape.single = true;
    reading = &sampler_.live(now_ns, loads_, chips_);
  }
  if (reading == nullptr) return false;
  if (loads_.counts()) {
    reading = &ramp(count);
    shape.single = false;
  }
  ++count;
  writer_.write(out, *reading, shape);
  return true;
}

void Machine::live_stats(std::int64_t now_ns, std::string& out) {
  AnswerWriter::Shape shape;
  shape.single = !loads_.counts();
  const Reading& reading = loads_.counts() ? ramp(udp_count_) : sampler_.live(now_ns, loads_, chips_);
  writer_.write(out, reading, shape);
}

}  // namespace mesura::ct6::twin
