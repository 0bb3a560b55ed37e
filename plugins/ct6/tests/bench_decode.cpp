// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// CT6 answers, full path, one thread: 256 variants of the sheet's answer through the session as the host calls it (C
// table, parsing, values, series, measurements handed over and copied out), beside simdjson's own on-demand walk over
// the same bytes in the same run.
#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "support/decode_bench.hpp"

using namespace mesura::bench;

namespace {

namespace od = simdjson::ondemand;
constexpr std::size_t kVariants = 256;
constexpr std::int64_t kStart_ns = 1'781'441'101'000'000'000;
constexpr const char* kPeer = "192.168.0.34:29340";

/// The n-th answer of a unit in use on four ports; MicroPython prints floats with 7 digits.
std::string answer(std::size_t n) {
  std::mt19937 random(static_cast<unsigned>(n) * 7919U + 1U);
  const auto pick = [&](double from, double to) { return std::uniform_real_distribution<double>(from, to)(random); };
  std::string text =
      R"({"IP_ADDRESS": "192.168.0.34", "OS": "micropython", "UNIT_NAME": "Meter_Cupboard", "PRODUCT_ID": "CT6", )"
      R"("DEVICE_TYPE": "6_CHNL_CT_SENSOR", "SERVICE_LIST": "WEB:80", "GROUP_NAME": "", )";
  constexpr std::array names = {"Grid", "Solar", "Battery", "", "House", ""};
  for (std::size_t i = 0; i < names.size(); ++i) {
    text += fmt::format(R"("CT{}": {{"TYPE": "SCT013_100A", "NAME": "{}", )", i + 1, names[i]);
    if (names[i][0] == 0) {
      text +=
          R"("IRMS": 0.0, "IPEAK": 0.0, "VRMS": 242.198, "PRMS": 0.0, "PREACT": 0.0, "PAPPARENT": 0.0, "PF": 0.0, )";
    } else {
      const double p = pick(-4000, 4000), q = pick(-700, 700);
      text += fmt::format(
          R"("IRMS": {:.7g}, "IPEAK": {:.7g}, "VRMS": {:.6g}, "PRMS": {:.7g}, "PREACT": {:.7g}, "PAPPARENT": {:.7g}, "PF": {:.3g}, )",
          pick(1, 16), pick(1, 23), pick(238, 244), p, q, std::abs(p) + 50, p > 0 ? 0.981 : -0.981);
    }
    text += fmt::format(R"("TEMP": {:.1f}, "FREQ": {:.2f}}}, )", pick(29, 32), pick(49.9, 50.1));
  }
  return text + fmt::format(R"("READ_TIME_NS": {:.7g}, "RSSI": {:.1f}, "BOARD_TEMPERATURE": {:.2f}, )"
                            R"("ASSY": "ASY0398_V003.300_SN00001846", "YDEV_UNIT_NAME": "Meter_Cupboard", )"
                            R"("FIRMWARE_VERSION": "3.1", "ACTIVE": 1.0, "PF_WATTS_THRESHOLD": 5, )"
                            R"("TIMESENT": [2026, 6, 14, 12, 45, {}, 6, 165, {}]}})",
                            pick(29500, 29600), pick(-60, -50), pick(24, 25), n % 60, 1'781'441'100 + n % 60);
}

Session open_session(CountingHost& host) {
  const mesura_link_info data{sizeof data, 0, mesura::abi::str("udp"), mesura::abi::str(kPeer)};
  const mesura_link_info http{sizeof http, 1, {}, {}};
  const std::array links = {&data, &http};
  mesura_session_info info{};
  info.struct_size = sizeof info;
  info.live = 1;
  info.now_ns = kStart_ns;
  info.links = links.data();
  info.link_count = links.size();
  return Session(host, info);
}

void must(simdjson::error_code error) {
  if (error != simdjson::SUCCESS) std::abort();
}

/// Visits every field of an answer and hands its value on.
template <class Each>
void walk(od::parser& parser, std::vector<char>& buffer, std::string_view text, Each&& each) {
  std::memcpy(buffer.data(), text.data(), text.size());  // as whoever is handed bytes must: simdjson reads beyond them
  od::document document;
  must(parser.iterate(buffer.data(), text.size(), buffer.size()).get(document));
  od::object root;
  must(document.get_object().get(root));
  for (auto result : root) {
    od::field field;
    must(std::move(result).get(field));
    od::value value = field.value();
    od::json_type type{};
    must(value.type().get(type));
    if (type != od::json_type::object) {
      each(value, type);
      continue;
    }
    od::object port;
    must(value.get_object().get(port));
    for (auto inner : port) {
      od::field port_field;
      must(std::move(inner).get(port_field));
      od::value port_value = port_field.value();
      od::json_type port_type{};
      must(port_value.type().get(port_type));
      each(port_value, port_type);
    }
  }
}

double run_full(const std::vector<std::string>& answers, double floor, std::string_view what) {
  constexpr std::size_t kCount = 4 * kVariants;
  CountingHost host;
  Session session = open_session(host);
  std::int64_t second = 0;
  const auto feed = [&](std::size_t repeats) {
    for (std::size_t r = 0; r < repeats; ++r)
      for (const std::string& a : answers) session.push(a, kStart_ns + second++ % 60 * 1'000'000'000, kPeer);
  };
  feed(2);
  const std::uint64_t before = allocations, measurements = host.measurements;
  const double full = rate(kCount, [&] { feed(kCount / kVariants); });
  const std::uint64_t per_million = (allocations - before) * 1'000'000 / (kCount * kRounds);
  if (host.frames != (2 + kCount / kVariants * kRounds) * kVariants || host.faults != 0) {
    fmt::print(stderr, "bench_ct6: {} frames and {} faults\n", host.frames, host.faults);
    std::exit(1);
  }
  fmt::print(
      "  {}  {:9.0f} answers/s  {:5.1f} measurements each  {:4.2f} of the bare walk  {} allocations per million\n",
      what, full, static_cast<double>(host.measurements - measurements) / static_cast<double>(kCount * kRounds),
      full / floor, per_million);
  return full;
}

}  // namespace

int main() {
  std::vector<std::string> answers;
  for (std::size_t n = 0; n < kVariants; ++n) answers.push_back(answer(n));
  // Escapes are no part of a known layout: each of these is walked.
  std::vector<std::string> walked = answers;
  for (std::string& a : walked) a.replace(a.find("\"3.1\""), 5, R"("3\u002e1")");

  od::parser parser;
  std::vector<char> buffer(65536 + simdjson::SIMDJSON_PADDING);
  double sum = 0;
  std::size_t fields = 0;
  const auto walk_rate = [&](auto&& each) {
    return rate(kVariants, [&] {
      for (const std::string& a : answers) walk(parser, buffer, a, each);
    });
  };
  const double bare = walk_rate([&](od::value&, od::json_type) { ++fields; });
  const double reading = walk_rate([&](od::value& value, od::json_type type) {
    double number = 0;
    std::string_view text;
    if (type == od::json_type::number && value.get_double().get(number) == simdjson::SUCCESS) sum += number;
    if (type == od::json_type::string && value.get_string().get(text) == simdjson::SUCCESS) fields += text.size();
  });
  fmt::print("ct6 decode: {}-byte answer, {} variants, one thread, best of {}, simdjson {}.{}.{} with the {} kernel\n",
             answers[0].size(), kVariants, kRounds, simdjson::SIMDJSON_VERSION_MAJOR, simdjson::SIMDJSON_VERSION_MINOR,
             simdjson::SIMDJSON_VERSION_REVISION, simdjson::get_active_implementation()->name());
  fmt::print("  bare on-demand walk          {:9.0f} answers/s  (floor)\n", bare);
  fmt::print("  walk that reads each value   {:9.0f} answers/s\n", reading);
  run_full(answers, bare, "full path, a known layout ");
  run_full(walked, bare, "full path, always walked  ");
  return sum == 0 || fields == 0 ? 1 : 0;
}
