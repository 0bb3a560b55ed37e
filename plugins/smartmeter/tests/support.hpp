// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What the tests of this plugin share: the sheet's literal bytes, frames and rows made by hand.
#pragma once

#include <mesura/plugin.hpp>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "support/catch.hpp"
#include "support/plugin_harness.hpp"

extern "C" const mesura_plugin* mesura_plugin_query(const mesura_host_info*, mesura_error*);

namespace smartmeter_test {

using namespace std::chrono_literals;
using mesura::test::PluginEvent;
using mesura::test::PluginHarness;
using mesura::test::PluginOptions;
using Kind = PluginEvent::Kind;
using Lines = std::vector<std::string>;
using Rows = std::vector<std::vector<float>>;

inline const mesura_plugin& plugin() { return *mesura_plugin_query(nullptr, nullptr); }

/// "44 61" -> "Da"; anything that is no hex digit separates.
inline std::string unhex(std::string_view text) {
  std::string out;
  int high = -1;
  for (const char c : text) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) continue;
    if (high < 0) {
      high = digit;
    } else {
      out += static_cast<char>(high * 16 + digit);
      high = -1;
    }
  }
  return out;
}

inline std::string little(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
  return out;
}

inline std::string payload(const Rows& rows) {
  std::string out;
  for (const auto& row : rows)
    for (const float value : row) {
      std::uint32_t bits = 0;
      std::memcpy(&bits, &value, sizeof bits);
      out += little(bits, 4);
    }
  return out;
}

inline std::string frame(std::uint32_t number, const std::string& payload) {
  return "Data:" + little(payload.size(), 2) + little(number, 4) + payload;
}
inline std::string frame(std::uint32_t number, const Rows& rows) { return frame(number, payload(rows)); }
inline std::string info(const std::string& text) { return "Info:" + text + "\r\n"; }

/// Row n of the sheet's `count` mode: channel k holds (8 n + k) mod 2^24.
inline Rows count_rows(std::uint64_t first, std::size_t rows, std::size_t channels = 6) {
  Rows out;
  for (std::uint64_t n = first; n < first + rows; ++n) {
    auto& row = out.emplace_back();
    for (std::size_t k = 0; k < channels; ++k) row.push_back(static_cast<float>((8 * n + k) % (1U << 24U)));
  }
  return out;
}

inline const std::string kGreeting = info(
    R"({"cmd":"info","type":"smartmeter","version":"2.2","compiled":"Nov  3 2021 10:12:33","sys_time":"03/02/2021 16:03:58.120","name":"smartmeter001","ip":"192.168.0.138","mqtt_server":"-","stream_server":"-","time_server":"time.google.com","sampling_rate":8000,"buffer_size":3670016,"psram":true,"rtc":true,"state":"idle","energy":"[10149.5684, 5101.2324, 4509.2102]","dailyReset":"None","calibration":[1,1,1,1,1,1],"ssids":"[energywifi]","ssid":"energywifi","rssi":-71,"bssid":"aa:bb:cc:dd:ee:ff"})");
inline const std::string kPowerMeterGreeting = info(
    R"({"cmd":"info","type":"powermeter","version":"2.3","name":"powermeter7","ip":"192.168.0.140","sampling_rate":4000,"relay":true,"energy":12.5,"calibration":[1,1],"MAC":"aa:bb:cc:dd:ee:00"})");
inline const std::string kLiveness = info("[I]03/02 16:03:59: ");

/// The answer to `sample`; `extra` in front of its keys.
inline std::string sample_reply(const std::string& measures = "v,i,v,i,v,i", int chunk = 1008, int rate = 8000,
                                int channels = 6, const std::string& unit = "V,mA,V,mA,V,mA",
                                const std::string& type = "TCP", const std::string& start = "1614697441.119") {
  return info(R"({"error":false,"cmd":"sample","measures":")" + measures + R"(","chunksize":)" + std::to_string(chunk) +
              R"(,"samplingrate":)" + std::to_string(rate) + R"(,"conn_type":")" + type + R"(","measurements":)" +
              std::to_string(channels) + R"(,"prefix":true,"flowCtr":false,"unit":")" + unit + R"(","startTs":")" +
              start + R"("})");
}

inline constexpr std::int64_t kStart = 1'614'697'441'119'000'000;

inline PluginHarness::Config live(const std::string& kind = "tcp", const std::string& address = "192.168.0.138:54321") {
  PluginHarness::Config config;
  config.live = true;
  config.now_ns = kStart - 3'000'000'000;
  config.links = {{kind, address}, {"", ""}};
  return config;
}

inline std::vector<PluginEvent> measured(const PluginHarness& h, std::string_view channel, std::string_view quantity) {
  std::vector<PluginEvent> found;
  for (const auto& e : h.events(Kind::measurement))
    if (e.channel == channel && e.quantity == quantity) found.push_back(e);
  return found;
}

inline Lines faults(const PluginHarness& h) {
  Lines codes;
  for (const auto& e : h.events(Kind::fault)) codes.push_back(e.key);
  return codes;
}

inline Lines sent(const PluginHarness& h) {
  Lines texts;
  for (const auto& e : h.events(Kind::sent)) texts.push_back(e.text);
  return texts;
}

/// The samples of all blocks, one after another.
inline std::vector<float> samples(const PluginHarness& h) {
  std::vector<float> all;
  for (const auto& e : h.events(Kind::waveform)) all.insert(all.end(), e.samples.begin(), e.samples.end());
  return all;
}

inline std::vector<float> flat(const Rows& rows) {
  std::vector<float> all;
  for (const auto& row : rows) all.insert(all.end(), row.begin(), row.end());
  return all;
}

/// A connected device, greeted, its run begun.
inline void start_run(PluginHarness& h, const std::string& reply = sample_reply()) {
  h.open();
  h.bytes(kGreeting);
  h.bytes(reply);
}

}  // namespace smartmeter_test
