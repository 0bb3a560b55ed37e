// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The values of each second, against sine waves whose values are known.
#include <numbers>
#include <random>

#include "kernel.hpp"
#include "tests/support.hpp"

using namespace smartmeter_test;

namespace {

constexpr double kPi = std::numbers::pi;

struct Wave {
  double rate = 8000;
  double frequency = 50;
  double volts = 230;           ///< RMS
  double amps = 10;             ///< RMS of the fundamental
  double lag = 0;               ///< of the current behind the voltage, rad
  double third = 0, fifth = 0;  ///< harmonics of the current, shares of the fundamental
  double noise = 0;             ///< of the voltage, V
  std::size_t lines = 3;
};

Rows rows_of(const Wave& w, std::uint64_t first, std::size_t count) {
  static std::mt19937 random(7);
  std::uniform_real_distribution<double> noise(-w.noise, w.noise);
  Rows rows;
  for (std::uint64_t n = first; n < first + count; ++n) {
    auto& row = rows.emplace_back();
    for (std::size_t line = 0; line < w.lines; ++line) {
      const double angle =
          2 * kPi * w.frequency * static_cast<double>(n) / w.rate + 0.3 - 2 * kPi / 3 * static_cast<double>(line);
      const double i = std::sin(angle - w.lag) + w.third * std::sin(3 * angle) + w.fifth * std::sin(5 * angle + 1);
      row.push_back(static_cast<float>(std::sqrt(2.0) * w.volts * std::sin(angle) + (w.noise > 0 ? noise(random) : 0)));
      row.push_back(static_cast<float>(std::sqrt(2.0) * w.amps * 1000 * i));
    }
  }
  return rows;
}

std::string frames(const Wave& w, std::size_t count, std::size_t chunk = 42, std::uint64_t first = 0) {
  std::string bytes;
  auto number = static_cast<std::uint32_t>(first / chunk);
  for (std::size_t n = 0; n < count; n += chunk)
    bytes += frame(number++, rows_of(w, first + n, std::min(chunk, count - n)));
  return bytes;
}

struct Derived {
  explicit Derived(const std::string& bytes, const Wave& w = {}, const std::string& measures = "v,i,v,i,v,i")
      : h(plugin(), PluginOptions{}
                        .text("measures", measures)
                        .text("type", measures == "v,i,p,q" ? "powermeter" : "auto")
                        .integer("rate", static_cast<std::int64_t>(w.rate))) {
    h.open();
    h.bytes(bytes);
    h.close(true);
  }
  [[nodiscard]] std::vector<PluginEvent> of(std::string_view channel, std::string_view quantity) const {
    return measured(h, channel, quantity);
  }
  [[nodiscard]] double at(std::string_view channel, std::string_view quantity, std::size_t second = 0) const {
    const auto found = of(channel, quantity);
    INFO(channel << '/' << quantity);
    REQUIRE(found.size() > second);
    return found[second].value;
  }
  PluginHarness h;
};

/// cut: what a second that holds no whole number of cycles may be off.
void check_line(const Derived& d, const std::string& line, const Wave& w, std::size_t second, double cut = 1e-3) {
  const double harmonics = std::sqrt(1 + w.third * w.third + w.fifth * w.fifth);
  const double s = w.volts * w.amps * harmonics, p = w.volts * w.amps * std::cos(w.lag);
  INFO(line << ", second " << second << ", f " << w.frequency << ", lag " << w.lag << ", rate " << w.rate);
  CHECK(d.at(line, "voltage", second) == Approx(w.volts).epsilon(cut));
  CHECK(d.at(line, "current", second) == Approx(w.amps * harmonics).epsilon(cut));
  CHECK(d.at(line, "active_power", second) == Approx(p).epsilon(cut).margin(w.volts * w.amps * cut));
  CHECK(d.at(line, "reactive_power", second) ==
        Approx(w.volts * w.amps * std::sin(w.lag)).epsilon(1e-3).margin(w.volts * w.amps * 1e-3));
  CHECK(d.at(line, "apparent_power", second) == Approx(s).epsilon(cut));
  CHECK(d.at(line, "power_factor", second) == Approx(p / s).epsilon(cut).margin(cut));
  CHECK(d.at(line, "frequency", second) == Approx(w.frequency).margin(0.003));
}

}  // namespace

TEST_CASE("sine waves with phase: RMS, P, Q, S, power factor, frequency of three lines") {
  for (const double lag : {0.0, 0.5, -0.5, kPi / 2, 2.0, kPi, -2.0}) {
    Wave w;
    w.lag = lag;
    const Derived d(frames(w, 16000), w);
    for (const char* line : {"l1", "l2", "l3"})
      for (const std::size_t second : {0U, 1U}) check_line(d, line, w, second);
    CHECK(d.at("total", "active_power") == Approx(3 * 2300 * std::cos(lag)).margin(7));
    CHECK(d.at("total", "reactive_power") == Approx(3 * 2300 * std::sin(lag)).margin(7));
    CHECK(d.at("total", "apparent_power") == Approx(6900).margin(7));
  }
}

TEST_CASE("frequencies off the nominal one, and other rates") {
  for (const double frequency : {49.8, 49.97, 50.03, 50.2, 50.4}) {
    Wave w;
    w.frequency = frequency;
    w.lag = 0.6;
    const Derived d(frames(w, 16000), w);
    check_line(d, "l1", w, 0, 4e-3);
    check_line(d, "l2", w, 1, 4e-3);
  }
  for (const double rate : {250.0, 1000.0, 3200.0, 32000.0}) {
    Wave w;
    w.rate = rate;
    w.frequency = 50.05;
    w.lag = 0.6;
    const Derived d(frames(w, static_cast<std::size_t>(2 * rate)), w);
    CHECK(d.at("l1", "active_power", 1) == Approx(2300 * std::cos(0.6)).epsilon(2e-3));
    CHECK(d.at("l1", "reactive_power", 1) == Approx(2300 * std::sin(0.6)).epsilon(5e-3));
    CHECK(d.at("l3", "frequency", 1) == Approx(50.05).margin(0.02));
  }
}

TEST_CASE("60 Hz: the first second shows it, from the second on there is reactive power") {
  Wave w;
  w.frequency = 59.98;
  w.lag = -0.7;
  const Derived d(frames(w, 24000), w);
  CHECK(d.of("l1", "active_power").size() == 3);
  REQUIRE(d.of("l1", "reactive_power").size() == 2);
  CHECK(d.at("l1", "frequency") == Approx(59.98).margin(0.003));
  CHECK(d.at("l1", "reactive_power", 0) == Approx(2300 * std::sin(-0.7)).epsilon(1e-3));
}

TEST_CASE("harmonics count in current and apparent power, not in reactive power") {
  Wave w;
  w.lag = 0.4;
  w.third = 0.3;
  w.fifth = 0.15;
  const Derived d(frames(w, 16000), w);
  check_line(d, "l1", w, 0);
  check_line(d, "l3", w, 1);
}

TEST_CASE("noise around zero makes no crossings") {
  Wave w;
  w.noise = 15;
  const Derived d(frames(w, 16000), w);
  CHECK(d.at("l1", "frequency", 1) == Approx(50).margin(0.02));
  CHECK(d.at("l2", "frequency", 1) == Approx(50).margin(0.02));
}

TEST_CASE("seconds are counted in rows from the start, and stamped with their end") {
  const Wave w;
  const Derived d(sample_reply() + frames(w, 24042), w);
  const auto voltage = d.of("l1", "voltage");
  REQUIRE(voltage.size() == 3);  // the 42 rows behind are no second
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(voltage[i].time_ns == kStart + static_cast<std::int64_t>(i + 1) * 1'000'000'000);
    CHECK(voltage[i].quality == MESURA_GOOD);
  }
}

TEST_CASE("a second with gaps is estimated, below half of its rows it is left out") {
  const Wave w;
  std::string bytes;
  const auto add = [&](std::uint32_t from, std::uint32_t to) {
    for (std::uint32_t n = from; n < to; ++n) bytes += frame(n, rows_of(w, std::uint64_t{n} * 40, 40));
  };
  // 200 frames a second: the first second loses 10, the second one 150 and so does the fourth, the third is whole.
  add(0, 50);
  add(60, 250);
  add(400, 600);
  add(700, 701);
  const Derived d(sample_reply("v,i,v,i,v,i", 960) + bytes, w);
  const auto voltage = d.of("l1", "voltage");
  REQUIRE(voltage.size() == 2);
  CHECK(voltage[0].quality == MESURA_ESTIMATED);
  CHECK(voltage[0].value == Approx(230).epsilon(0.002));
  CHECK(voltage[0].time_ns == kStart + 1'000'000'000);
  CHECK(voltage[1].quality == MESURA_GOOD);
  CHECK(voltage[1].time_ns == kStart + 3'000'000'000);
  const auto reactive = d.of("l1", "reactive_power");
  REQUIRE(reactive.size() == 2);
  CHECK(reactive[0].value == Approx(0).margin(23));
  CHECK(d.at("l1", "frequency", 0) == Approx(50).margin(0.01));
  // Nothing is integrated across gaps: 190 + 50 + 200 frames of 40 rows until then.
  CHECK(d.at("l1", "active_energy_import", 1) == Approx(2300.0 * 440 * 40 / 8000 / 3600).epsilon(1e-3));
}

TEST_CASE("half a second at the end of a run is estimated, less is left out") {
  const Wave w;
  CHECK(Derived(frames(w, 8000 + 3900), w).of("l1", "voltage").size() == 1);
  const Derived d(frames(w, 8000 + 4200), w);
  const auto voltage = d.of("l1", "voltage");
  REQUIRE(voltage.size() == 2);
  CHECK(voltage[1].quality == MESURA_ESTIMATED);
  CHECK(voltage[1].value == Approx(230).epsilon(3e-3));  // 26.25 cycles
}

TEST_CASE("energy is integrated over the rows, by direction, and goes on over runs") {
  Wave taken, given;
  given.lag = kPi;
  const std::string stop = info(R"({"samples":1,"sent_samples":1,"cmd":"stop"})");
  const Derived d(frames(taken, 16000) + stop + sample_reply() + frames(given, 8000), taken);
  CHECK(d.at("l1", "active_energy_import", 0) == Approx(2300.0 / 3600).epsilon(1e-4));
  CHECK(d.at("l1", "active_energy_import", 1) == Approx(2 * 2300.0 / 3600).epsilon(1e-4));
  CHECK(d.at("l1", "active_energy_export", 1) == 0);
  CHECK(d.at("l1", "active_energy_import", 2) == Approx(2 * 2300.0 / 3600).epsilon(1e-4));
  CHECK(d.at("l1", "active_energy_export", 2) == Approx(2300.0 / 3600).epsilon(1e-4));
  CHECK(d.at("total", "active_energy_import", 2) == Approx(2 * 6900.0 / 3600).epsilon(1e-4));
}

TEST_CASE("one line: its own channel, no total") {
  Wave w;
  w.lines = 1;
  w.lag = 0.5;
  const Derived d(frames(w, 8000, 128), w, "v,i_L3");
  check_line(d, "l3", w, 0);
  CHECK(d.of("l1", "voltage").empty());
  CHECK(d.of("total", "active_power").empty());
}

TEST_CASE("a PowerMeter's mixed rows: values from v and i, all four in the stream") {
  Wave w;
  w.rate = 4000;
  w.lines = 1;
  w.lag = 0.5;
  std::string bytes;
  std::uint32_t number = 0;
  for (std::uint64_t n = 0; n < 8000; n += 64) {
    Rows rows = rows_of(w, n, 64);
    for (auto& row : rows) row.insert(row.end(), {2018, 1102});
    bytes += frame(number++, rows);
  }
  const Derived d(bytes, w, "v,i,p,q");
  check_line(d, "l1", w, 1);
  CHECK(d.h.streams().at(0).names == Lines{"v_l1", "i_l1", "p_l1", "q_l1"});
}

TEST_CASE("latched values at a PowerMeter's full rate: a stream, and the means of each second") {
  std::string bytes;
  for (std::uint32_t n = 0; n < 40; ++n) bytes += frame(n, Rows(100, {n % 2 == 0 ? 100.0F : 300.0F, -50.0F}));
  PluginHarness h(plugin(), PluginOptions{}.text("type", "powermeter").text("measures", "p,q").integer("rate", 4000));
  h.open();
  h.bytes(bytes);
  h.close(true);
  CHECK(h.counts().rows == 4000);
  CHECK(measured(h, "l1", "active_power").at(0).value == 200);
  CHECK(measured(h, "l1", "reactive_power").at(0).value == -50);
  CHECK(measured(h, "l1", "apparent_power").at(0).value == Approx(std::hypot(200, 50)));
  CHECK(measured(h, "l1", "active_energy_import").at(0).value == Approx(200.0 / 3600));
}

TEST_CASE("below 125 rows a second nothing is derived, and that is said, derive false says nothing") {
  Wave w;
  w.rate = 100;
  const Derived d(frames(w, 300, 10), w);
  CHECK(d.of("l1", "voltage").empty());
  CHECK(d.h.counts().rows == 300);
  REQUIRE(d.h.events(Kind::log).size() == 1);
  CHECK_THAT(d.h.events(Kind::log)[0].text, mesura::test::contains("expected a rate of at least 125, got 100"));

  PluginHarness h(plugin(), PluginOptions{}.flag("derive", false).integer("rate", 8000));
  h.open();
  h.bytes(frames(Wave{}, 16000));
  CHECK(measured(h, "l1", "voltage").empty());
  CHECK(h.counts().rows == 16000);
}

TEST_CASE("values do not depend on how rows lie in frames") {
  Wave w;
  w.lag = 0.5;
  w.frequency = 50.1;
  const Derived whole(frames(w, 16000, 2000), w);
  for (const std::size_t chunk : {1U, 5U, 21U, 42U, 63U, 65U, 128U}) {
    const Derived d(frames(w, 16000, chunk), w);
    for (const char* quantity : {"voltage", "current", "active_power", "reactive_power", "frequency"}) {
      INFO(quantity << ", chunk " << chunk);
      REQUIRE(d.of("l2", quantity).size() == 2);
      CHECK(d.at("l2", quantity, 1) == Approx(whole.at("l2", quantity, 1)).epsilon(1e-5));
    }
  }
}

TEST_CASE("dead and direct voltages have no frequency and no reactive power, and nothing breaks") {
  Wave dead;
  dead.volts = dead.amps = 0;
  const Derived d(frames(dead, 8000), dead);
  CHECK(d.at("l1", "voltage") == 0);
  CHECK(d.of("l1", "frequency").empty());
  CHECK(d.of("l1", "reactive_power").empty());
  CHECK(d.of("l1", "power_factor").empty());
  std::string bytes;
  for (std::uint32_t n = 0; n < 200; ++n)
    bytes += frame(n, Rows(40, std::vector<float>(6, n == 3 ? std::nanf("") : 5.0F)));
  const Derived nan(bytes, Wave{});
  CHECK(nan.of("l1", "voltage").empty());
  CHECK(nan.of("l1", "active_energy_import").at(0).value == 0);
}

TEST_CASE("the kernel's sums are those of the plain loop") {
  std::mt19937 random(3);
  std::uniform_real_distribution<float> value(-400, 400);
  for (const std::size_t lines : {1U, 3U})
    for (const std::size_t rows : {1U, 2U, 3U, 21U, 41U, 42U, 64U, 65U, 200U}) {
      std::vector<float> samples(rows * 2 * lines);
      for (auto& s : samples) s = value(random);
      mesura::smartmeter::Kernel kernel;
      const double w = 0.0393;
      kernel.set(lines, w);
      mesura::smartmeter::LineSums sums[3];
      kernel.add(reinterpret_cast<const std::uint8_t*>(samples.data()), rows, 1000, sums);
      for (std::size_t line = 0; line < lines; ++line) {
        mesura::smartmeter::LineSums expected;
        for (std::size_t row = 0; row < rows; ++row) {
          const double v = samples[row * 2 * lines + 2 * line], i = samples[row * 2 * lines + 2 * line + 1];
          expected.vv += v * v;
          expected.ii += i * i;
          expected.vi += v * i;
          expected.v += v * std::polar(1.0, -w * static_cast<double>(1000 + row));
          expected.i += i * std::polar(1.0, -w * static_cast<double>(1000 + row));
        }
        INFO(lines << " lines, " << rows << " rows, line " << line);
        CHECK(sums[line].vv == Approx(expected.vv).epsilon(1e-5));
        CHECK(sums[line].ii == Approx(expected.ii).epsilon(1e-5));
        CHECK(sums[line].vi == Approx(expected.vi).epsilon(1e-5).margin(1));
        CHECK(std::abs(sums[line].v - expected.v) < 0.05);
        CHECK(std::abs(sums[line].i - expected.i) < 0.05);
      }
    }
}
