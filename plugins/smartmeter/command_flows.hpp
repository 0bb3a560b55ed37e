// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// What each command does; and what several of them share.
#pragma once

#include "commands.hpp"
#include "json_text.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace mesura::smartmeter {

/// {"cmd":"WORD"}
[[nodiscard]] std::string plain_request(std::string_view word);
/// "a//nb" -> "a; b": how the device writes line breaks.
[[nodiscard]] std::string told(std::string_view msg);
/// "[a, b, ]" -> ["a","b"]
[[nodiscard]] std::vector<std::string> list_of_texts(std::string_view text);
/// A copy that outlives the parser; "null" if there is no such member.
[[nodiscard]] std::string json_of(const JsonMember* member);

[[nodiscard]] std::string before_and_after(const std::string& before, const std::string& after);
/// Why the device refuses, by the flag `error`; empty: it does not.
[[nodiscard]] std::string refusal_of(const JsonObject& reply);

/// "0x04c0", "1216"
[[nodiscard]] std::optional<std::int64_t> parse_register(std::string_view text, std::int64_t most);
/// {"cmd":"ade9k","address":"0x04c0","size":16 without its end. Nothing: the command is over, its address was wrong.
[[nodiscard]] std::optional<std::string> register_request(Job& job);

/// A setting that `info` tells back.
struct Setting {
  std::string word;  ///< `cmd`
  std::string line;
  std::string wanted;                                  ///< JSON of what `info` should say then
  std::function<std::string(const JsonObject&)> read;  ///< of `info`: JSON, "null" if it does not say
  /// Judges the answer: the reason of a refusal, or empty. Nothing: by its `error`.
  std::function<std::string(const JsonObject&)> refusal = {};
  std::function<bool(const std::string& wanted, const std::string& got)> same = {};  ///< otherwise: equal texts
  std::string unreadable = {};  ///< what of it `info` does not say: "user and password"
  std::string note = {};        ///< told with success
  bool always = false;          ///< also if it is in force already
  std::function<std::string(const JsonObject&)> objection = {};  ///< to what `info` says before: why not, or empty
};
/// info, the request, info: before and after.
void change_setting(Job& job, Setting setting);

// command_queries.cpp
void query_info(Job& job);
void query_power(Job& job);
void query_voltage(Job& job);
void query_current(Job& job);
void query_energy(Job& job);
void query_frequency(Job& job);
void query_phase(Job& job);
void query_log(Job& job);
void query_time(Job& job);
void query_register(Job& job);
void ping(Job& job);
// command_settings.cpp
void set_log_level(Job& job);
void clear_log(Job& job);
void set_name(Job& job);
void set_mqtt_server(Job& job);
void set_stream_server(Job& job);
void set_time_server(Job& job);
void add_wifi(Job& job);
void delete_wifi(Job& job);
void sync_time(Job& job);
// command_changes.cpp
void calibrate(Job& job);
void reset_energy(Job& job);
void daily_restart(Job& job);
void switch_relay(Job& job);
void publish_interval(Job& job);
void register_write(Job& job);
// command_runs.cpp
void sample(Job& job);
void stop(Job& job);
void clear_to_send(Job& job);
void request_rows(Job& job);
// command_restarts.cpp
void restart(Job& job);
void basic_reset(Job& job);
void factory_reset(Job& job);
void raw(Job& job);

}  // namespace mesura::smartmeter
