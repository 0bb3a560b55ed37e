// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Forty days of a small house, both clock changes among them, collected as fast as it goes; then asked for over HTTP
// and compared with what the virtual meters showed.
#include "house.hpp"

#include "runtime/time_text.hpp"

#include <support/catch.hpp>
#include <support/free_port.hpp>

#include <fmt/format.h>
#include <poll.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

using namespace mesura::test;
using nlohmann::json;

namespace {

/// Two stretches of twenty local days in Belgium, from midnight to midnight: one loses an hour, the other gains one.
struct Stretch {
  std::string start;        ///< of the first day, UTC
  long seconds;             ///< until the midnight after the last day
  std::string first, last;  ///< local dates; `last` is the day after
};
const std::vector<Stretch> kStretches{{"2026-03-15T23:00:00Z", 20 * 86400L - 3600, "2026-03-16", "2026-04-05"},
                                      {"2026-10-15T22:00:00Z", 20 * 86400L + 3600, "2026-10-16", "2026-11-05"}};

/// The meters go on counting in between.
const std::vector<std::string> kRegisters{
    "{import_t1: 4321.098kWh, import_t2: 3210.987kWh, export_t1: 512.345kWh, export_t2: 1298.076kWh}",
    "{import_t1: 5021.500kWh, import_t2: 3910.250kWh, export_t1: 912.345kWh, export_t2: 1998.076kWh}"};

bool soak() { return std::getenv("MESURA_SOAK") != nullptr; }

/// One file of both stretches, a telegram each `interval` seconds. The second stretch begins with the months' peaks
/// that the meter remembers, by `--peak-history`.
void simulate_p1(const std::filesystem::path& file, long interval, const std::string& peaks,
                 const std::vector<std::string>& more) {
  std::ofstream joined{file, std::ios::binary};
  for (std::size_t i = 0; i < kStretches.size(); ++i) {
    const auto part = file.string() + ".part";
    std::vector<std::string> arguments{"simulate",    "dsmr_p1",
                                       "--dialect",   "be",
                                       "--pv",        "4000",
                                       "--interval",  std::to_string(interval) + "s",
                                       "--start",     kStretches[i].start,
                                       "--registers", kRegisters[i],
                                       "--telegrams", std::to_string(kStretches[i].seconds / interval + 1),
                                       "--output",    part};
    if (i > 0 && !peaks.empty()) arguments.insert(arguments.end(), {"--peak-history", peaks});
    arguments.insert(arguments.end(), more.begin(), more.end());
    const auto simulated = run_mesura(arguments);
    INFO(simulated.err);
    REQUIRE(simulated.code == 0);
    std::ifstream in{part, std::ios::binary};
    joined << in.rdbuf();
    std::filesystem::remove(part);
  }
}

/// What a meter's telegrams say, read here without our decoder.
struct Truth {
  struct Registers {
    long import_wh = 0, export_wh = 0, import_t1_wh = 0;
  };
  std::map<std::string, Registers> midnights;   ///< by local date of the day that begins
  std::map<std::string, long> month_peak_w;     ///< by "2026-03": the last 1.6.0 in that month
  std::map<std::string, std::string> peak_end;  ///< local time of the end of that quarter, as in the telegram

  /// The peaks of spring as the meter would remember them in autumn.
  [[nodiscard]] std::string history() const {
    std::string list;
    for (const std::string month : {"2026-03", "2026-04"}) {
      const std::string& end = peak_end.at(month);
      const auto local = mesura::runtime::parse_time(fmt::format("20{}-{}-{}T{}:{}:{}Z", end.substr(0, 2),
                                                                 end.substr(2, 2), end.substr(4, 2), end.substr(6, 2),
                                                                 end.substr(8, 2), end.substr(10, 2)));
      const auto utc = local.value() - (end.back() == 'S' ? 2 : 1) * 3'600'000'000'000;
      list += fmt::format("{}{}={}W@{}", list.empty() ? "" : ", ", month, month_peak_w.at(month),
                          mesura::runtime::format_time(utc, mesura::runtime::Precision::seconds));
    }
    return "[" + list + "]";
  }
};

/// "004321.098*kWh" -> Wh; "02.571*kW" -> W
long thousandths(std::string_view text) {
  long value = 0;
  for (const char c : text)
    if (c >= '0' && c <= '9') value = value * 10 + (c - '0');
  return value;
}

Truth read_truth(const std::filesystem::path& file) {
  Truth truth;
  std::ifstream in{file, std::ios::binary};
  std::string stamp;
  std::map<std::string, long> values;
  for (std::string line; std::getline(in, line);) {
    const auto open = line.find('(');
    if (line[0] == '!') {
      const std::string month = "20" + stamp.substr(0, 2) + "-" + stamp.substr(2, 2);
      if (stamp.substr(6, 6) == "000000")
        truth.midnights["20" + stamp.substr(0, 2) + "-" + stamp.substr(2, 2) + "-" + stamp.substr(4, 2)] = {
            values["1-0:1.8.1"] + values["1-0:1.8.2"], values["1-0:2.8.1"] + values["1-0:2.8.2"], values["1-0:1.8.1"]};
      if (values["1-0:1.6.0"] > 0) truth.month_peak_w[month] = values["1-0:1.6.0"];
      continue;
    }
    if (open == std::string::npos) continue;
    const std::string obis = line.substr(0, open);
    if (obis == "0-0:1.0.0") {
      stamp = line.substr(open + 1, 13);
    } else if (obis == "1-0:1.6.0") {
      const auto second = line.find('(', open + 1);
      values[obis] = thousandths(std::string_view{line}.substr(second, line.find('*') - second));
      const std::string end = line.substr(open + 1, 13);
      if (values[obis] > 0) truth.peak_end["20" + end.substr(0, 2) + "-" + end.substr(2, 2)] = end;
    } else if (obis.substr(0, 6) == "1-0:1." || obis.substr(0, 6) == "1-0:2.") {
      values[obis] = thousandths(std::string_view{line}.substr(open, line.find('*') - open));
    }
  }
  return truth;
}

/// What the service on `port` answers with status 200.
json ask(int port, const std::string& path) {
  const auto answer = run(Command{
      {"curl", "--silent", "--show-error", "--fail", "--globoff", fmt::format("http://127.0.0.1:{}{}", port, path)}});
  INFO(path << ": " << answer.err << answer.out);
  REQUIRE(answer.exit == Exit{0, 0});
  return json::parse(answer.out);
}

/// The one energy of this series: local date of each window's beginning (or month) and what it grew by.
std::map<std::string, json> windows_of(const json& answer, const std::string& device, const std::string& channel,
                                       const std::string& quantity) {
  std::map<std::string, json> windows;
  for (const auto& energy : answer["energies"])
    if (energy["device"] == device && energy["channel"] == channel && energy["quantity"] == quantity)
      for (const auto& window : energy["windows"]) windows[window["from"]] = window;
  return windows;
}

/// "2026-03-29" of Brussels as the API shows that midnight.
std::string midnight(const std::string& date) {
  const bool summer = date > "2026-03-29" && date <= "2026-10-25";
  const auto before = mesura::runtime::parse_time(date + "T00:00:00Z").value() - (summer ? 2 : 1) * 3'600'000'000'000;
  return mesura::runtime::format_time(before);
}

struct House {
  TempDir dir;
  Truth truth;
  int port = free_port();
  std::unique_ptr<Process> service;

  House() {
    const long interval = soak() ? 1 : 30;
    simulate_p1(dir / "grid.txt", interval, {}, {});
    truth = read_truth(dir / "grid.txt");
    simulate_p1(dir / "grid.txt", interval, truth.history(), {});
    simulate_p1(dir / "plain.txt", interval, {}, {"--omit", "[1-0:1.4.0, 1-0:1.6.0, 0-0:98.1.0]"});
    // Momentary powers each 30 s would miss too much of a kettle.
    simulate_p1(dir / "bare.txt", soak() ? 1 : 10, {},
                {"--omit", "[1-0:1.4.0, 1-0:1.6.0, 0-0:98.1.0, 1-0:1.8.1, 1-0:1.8.2, 1-0:2.8.1, 1-0:2.8.2]"});
    write_file(dir / "house.yaml", fmt::format(R"(timezone: Europe/Brussels
state: {0}/state
clock: {{sync: ignore}}
devices:
  grid: {{plugin: dsmr_p1, transport: {{file: {{path: {0}/grid.txt}}}}}}
  plain: {{plugin: dsmr_p1, transport: {{file: {{path: {0}/plain.txt}}}}}}
  bare: {{plugin: dsmr_p1, transport: {{file: {{path: {0}/bare.txt}}}}}}
sinks:
  local: {{sqlite: {{path: {0}/house.db}}}}
http: {{listen: "127.0.0.1:{1}"}}
)",
                                               dir.path().string(), port));
    service = std::make_unique<Process>(program({"run", (dir / "house.yaml").string()}));
    for (int i = 0; i < 3; ++i) service->wait_for_line("dev-finished", std::chrono::minutes{10});
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes{5};
    // Read is not yet written: the sink has everything when nothing waits.
    for (;;) {
      const json sink = ask(port, "/api/v1/sinks")["sinks"][0];
      if (sink["pushed"] == sink["committed"]) break;
      INFO(sink.dump());
      REQUIRE(std::chrono::steady_clock::now() < deadline);
      ::poll(nullptr, 0, 100);  // nobody tells
    }
  }
};

void check_energy(const House& house) {
  for (const Stretch& stretch : kStretches) {
    const std::string range = fmt::format("from={}&to={}&every=day", stretch.first, midnight(stretch.last));
    const json days = ask(house.port, "/api/v1/energy?series=*/*/active_energy_*&" + range);
    const auto t1 = windows_of(days, "grid", "t1", "active_energy_import");
    const auto t2 = windows_of(days, "grid", "t2", "active_energy_import");
    const auto given1 = windows_of(days, "grid", "t1", "active_energy_export");
    const auto given2 = windows_of(days, "grid", "t2", "active_energy_export");
    const auto integrated = windows_of(days, "bare", "total", "active_energy_import");
    REQUIRE(t1.size() == 20);
    REQUIRE(integrated.size() == 20);
    double sum = 0;
    double sum_integrated = 0;
    auto from = house.truth.midnights.find(stretch.first);
    for (; from->first != stretch.last; ++from) {
      const auto to = std::next(from);
      INFO(from->first << " to " << to->first);
      const std::string key = midnight(from->first);
      REQUIRE(t1.count(key) == 1);
      const double truth = static_cast<double>(to->second.import_wh - from->second.import_wh);
      const double imported = t1.at(key)["amount"].get<double>() + t2.at(key)["amount"].get<double>();
      CHECK(std::abs(imported - truth) <= truth * 1e-4);
      CHECK(std::abs(t1.at(key)["amount"].get<double>() -
                     static_cast<double>(to->second.import_t1_wh - from->second.import_t1_wh)) <= truth * 1e-4);
      const double given = static_cast<double>(to->second.export_wh - from->second.export_wh);
      CHECK(std::abs(given1.at(key)["amount"].get<double>() + given2.at(key)["amount"].get<double>() - given) <=
            given * 1e-4);
      CHECK(t1.at(key)["to"] == midnight(to->first));
      CHECK(t1.at(key)["completeness"].get<double>() > 0.999);
      CHECK(t1.at(key)["epochs"] == 0);
      CHECK_FALSE(t1.at(key)["estimated"].get<bool>());
      sum += truth;
      sum_integrated += integrated.at(key)["amount"].get<double>();
      CHECK(std::abs(integrated.at(key)["amount"].get<double>() - truth) <= truth * 5e-3);
    }
    CHECK(std::abs(sum_integrated - sum) <= sum * 5e-3);
    // The whole stretch at once is the sum of its days.
    const json whole =
        ask(house.port, fmt::format("/api/v1/energy?series=grid/t?/active_energy_import&from={}&to={}&every=whole",
                                    stretch.first, midnight(stretch.last)));
    double total = 0;
    for (const auto& energy : whole["energies"]) total += energy["windows"][0]["amount"].get<double>();
    CHECK(std::abs(total - sum) <= sum * 1e-4);
  }
}

void check_demand(const House& house) {
  const auto quarters = [&](const std::string& device, const std::string& date, const std::string& next) {
    return ask(house.port, fmt::format("/api/v1/demand?device={}&from={}&to={}", device, midnight(date),
                                       midnight(next)))["quarters"];
  };
  CHECK(quarters("grid", "2026-03-28", "2026-03-29").size() == 96);
  CHECK(quarters("grid", "2026-03-29", "2026-03-30").size() == 92);
  CHECK(quarters("grid", "2026-10-25", "2026-10-26").size() == 100);
  for (const std::string month : {"2026-03", "2026-04", "2026-10", "2026-11"}) {
    INFO(month);
    const auto peak = [&](const std::string& device) {
      const json answer =
          ask(house.port, fmt::format("/api/v1/demand?device={}&from={}-01&to={}", device, month, month));
      for (const auto& found : answer["months"])
        if (found["from"] == midnight(month + "-01")) return found;
      return json{};
    };
    const json own = peak("grid");
    const json plain = peak("plain");
    const json bare = peak("bare");
    REQUIRE(own.is_object());
    CHECK(own["from_meter"] == true);
    CHECK(std::lround(own["average_w"].get<double>()) == house.truth.month_peak_w.at(month));
    // Without the meter's own demand and peaks: from its registers, to the watt-hour that they count.
    CHECK(plain["from_meter"] == false);
    CHECK(plain["quarter"] == own["quarter"]);
    CHECK(std::abs(plain["average_w"].get<double>() - own["average_w"].get<double>()) <= 4);
    // Without registers, too: from momentary powers.
    CHECK(std::abs(bare["average_w"].get<double>() - own["average_w"].get<double>()) <=
          0.05 * own["average_w"].get<double>());
  }
}

}  // namespace

TEST_CASE("forty days of a house, both clock changes in them: energies and month peaks are those of the meter") {
  const House house;
  check_energy(house);
  check_demand(house);
}
