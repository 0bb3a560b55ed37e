// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The commands of schema.yaml, each a sequence of exchanges with one unit.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "command_run.hpp"
#include "configuration.hpp"

namespace mesura::ct6 {

using CommandFunction = Task<CommandResult> (*)(CommandRun&);

/// nullptr: there is no such command.
[[nodiscard]] CommandFunction find_command(std::string_view name);

// ---- configuration (command_config.cpp)
Task<CommandResult> show_config(CommandRun& run);
Task<CommandResult> set_settings(CommandRun& run);
Task<CommandResult> apply_settings(CommandRun& run);
Task<CommandResult> set_unit_name(CommandRun& run);
Task<CommandResult> set_group_name(CommandRun& run);
Task<CommandResult> set_port_name(CommandRun& run);
Task<CommandResult> activate(CommandRun& run);
Task<CommandResult> deactivate(CommandRun& run);
Task<CommandResult> set_mqtt(CommandRun& run);
Task<CommandResult> clear_mqtt(CommandRun& run);
Task<CommandResult> set_power_factor_threshold(CommandRun& run);
Task<CommandResult> set_line_frequency(CommandRun& run);

// ---- state and life (command_system.cpp)
Task<CommandResult> show_status(CommandRun& run);
Task<CommandResult> wifi_scan(CommandRun& run);
Task<CommandResult> reboot(CommandRun& run);
Task<CommandResult> power_cycle(CommandRun& run);
Task<CommandResult> reset_to_defaults(CommandRun& run);
Task<CommandResult> reset_wifi(CommandRun& run);
Task<CommandResult> wifi_led(CommandRun& run);
Task<CommandResult> bluetooth_led(CommandRun& run);

// ---- files (command_files.cpp)
Task<CommandResult> list_files(CommandRun& run);
Task<CommandResult> get_file(CommandRun& run);
Task<CommandResult> put_file(CommandRun& run);
Task<CommandResult> delete_file(CommandRun& run);
Task<CommandResult> make_folder(CommandRun& run);
Task<CommandResult> delete_folder(CommandRun& run);
Task<CommandResult> erase_offline_app(CommandRun& run);

// ---- calibration (command_calibrate.cpp)
Task<CommandResult> show_calibration(CommandRun& run);
Task<CommandResult> init_chips(CommandRun& run);
Task<CommandResult> save_factory_config(CommandRun& run);
Task<CommandResult> restore_calibration(CommandRun& run);
Task<CommandResult> calibrate_voltage(CommandRun& run);
Task<CommandResult> calibrate_current(CommandRun& run);
Task<CommandResult> calibrate_offset(CommandRun& run);

// ---- firmware (command_upgrade.cpp)
Task<CommandResult> upgrade(CommandRun& run);

// ---------------------------------------------------------------- what they share

using Wishes = std::vector<std::pair<const Setting*, std::string>>;  ///< settings and what they are to hold, as sent

/// The unit's configuration. Throws CommandEnd where it cannot be had.
Task<Configuration> read_configuration(CommandRun& run);
/// "/set_config?A=1,B=2", in pieces of at most as many keys as the vendor's tool sends at once.
[[nodiscard]] std::vector<std::string> set_requests(const Wishes& wishes);
/// Sends them. A lost reply is no end: what the unit then holds tells. Throws for everything else.
/// out     whether each was answered
Task<bool> send_settings(CommandRun& run, Wishes wishes);
/// Those that `now` does not hold.
[[nodiscard]] Wishes not_held(const Configuration& now, const Wishes& wishes);

/// The text of factory.cfg; nothing if the unit has none.
Task<std::optional<Configuration>> read_factory(CommandRun& run);
/// What a file of the unit says, without the damage that its web server does to apostrophes.
[[nodiscard]] std::optional<std::string> file_in_reply(std::string_view body, std::string_view name);
/// Every path on the unit; folders end with a slash.
Task<std::vector<std::string>> read_file_list(CommandRun& run);

/// Sends one file into a folder, up to three times.
/// out     how it ended; kind none or closed after the last attempt
Task<Reply> send_file(CommandRun& run, std::string folder, std::string name, std::string content);
/// Why a file or folder cannot be called this; empty: it can.
[[nodiscard]] std::string name_problem(std::string_view path);

/// A text member of an object in a reply; empty if it is not there. A number is given as its digits.
[[nodiscard]] std::string member(std::string_view json, std::string_view key);
[[nodiscard]] std::optional<double> number_member(std::string_view json, std::string_view key);

enum class Restart : std::uint8_t { done, not_restarted, gone };
struct Uptime {
  double seconds = -1;  ///< negative: this firmware does not tell
  std::int64_t at_ns = 0;
};
Task<Uptime> read_uptime(CommandRun& run);
/// Waits until the unit has restarted, and then answers steadily.
/// text    what progress calls it
Task<Restart> wait_for_restart(CommandRun& run, Uptime before, std::string text);

}  // namespace mesura::ct6
