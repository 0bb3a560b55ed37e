// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The command line: arguments in, one verb's options out. The only file that includes CLI11 (7 s to compile).
#include "verbs.hpp"

#include "config/units.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <utility>

namespace mesura::app {

namespace {

constexpr const char* kFooter =
    "Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 partial.\n"
    "Configuration: --config FILE, else $MESURA_CONFIG, ./mesura.yaml, $XDG_CONFIG_HOME/mesura/mesura.yaml, "
    "/etc/mesura/mesura.yaml.\n"
    "`mesura VERB --help` explains a verb.";

void add_common(CLI::App& verb, Common& common, bool config = true) {
  if (config) verb.add_option("-c,--config", common.config, "Configuration file")->type_name("FILE");
  verb.add_flag("-v,--verbose", common.verbose, "More log: -v debug, -vv trace");
  verb.add_option("--trace", common.trace, "Log the raw bytes of this device (repeatable)")
      ->type_name("DEVICE")
      ->allow_extra_args(false);
  verb.add_option("--plugin-path", common.plugin_path, "Look for plugins here first (repeatable)")
      ->type_name("DIR")
      ->allow_extra_args(false);
}

void add_format(CLI::App& verb, Format& format, const std::map<std::string, Format>& allowed) {
  std::vector<std::string> words;
  std::string now;
  for (const auto& [word, value] : allowed) {
    words.push_back(word);
    if (value == format) now = word;
  }
  verb.add_option_function<std::string>(
          "--format", [&format, allowed](const std::string& word) { format = allowed.at(word); }, "Form of the output")
      ->check(CLI::IsMember(words))
      ->type_name("")
      ->default_str(now);
}

void add_progress(CLI::App& verb, ProgressStyle& style) {
  static const std::map<std::string, ProgressStyle> kStyles{{"auto", ProgressStyle::automatic},
                                                            {"bar", ProgressStyle::bar},
                                                            {"json", ProgressStyle::json},
                                                            {"none", ProgressStyle::none}};
  verb.add_option_function<std::string>(
          "--progress", [&style](const std::string& word) { style = kStyles.at(word); },
          "Show how far it is, on stderr: auto is a bar on a terminal, else nothing")
      ->check(CLI::IsMember({"auto", "bar", "json", "none"}))
      ->type_name("")
      ->default_str("auto");
}

/// Takes "10s", "5m"; leaves the reason to CLI11.
void add_duration(CLI::App& verb, const std::string& name, std::optional<std::chrono::nanoseconds>& target,
                  const std::string& help) {
  verb.add_option_function<std::string>(
          name,
          [&target, name](const std::string& text) {
            const auto parsed = config::parse_duration(text);
            if (!parsed)
              throw CLI::ValidationError(name, "expected a duration with a unit such as 10s or 5m, got '" + text + "'");
            target = *parsed;
          },
          help)
      ->type_name("DURATION");
}

/// Which database, and from when to when.
void add_past(CLI::App& verb, std::string& sink, std::string& from, std::string& to) {
  const std::string words = "RFC 3339, epoch seconds, -1h, today, ...";
  verb.add_option("--from", from, "From this time on: " + words)->type_name("TIME")->default_str(from);
  verb.add_option("--to", to, "Up to this time, not in it")->type_name("TIME")->default_str(to);
  verb.add_option("--sink", sink, "The sink whose database is read (default: the first that can be)")
      ->type_name("SINK");
}

KeyValues split_pairs(const std::vector<std::string>& words, const std::string& option) {
  KeyValues pairs;
  for (const auto& word : words) {
    const auto equals = word.find('=');
    if (equals == std::string::npos || equals == 0)
      throw CLI::ValidationError(option, "expected key=value, got '" + word + "'");
    pairs.emplace_back(word.substr(0, equals), word.substr(equals + 1));
  }
  return pairs;
}

/// user add|del|list, token add|list|revoke.
class AccountVerbs {
 public:
  AccountVerbs(CLI::App& app, std::function<int()>& verb) : verb_(verb) {
    auto* users = app.add_subcommand("user", "Who may log in over HTTP: add, del, list");
    users->require_subcommand(1);
    auto* v = add_user(*users, "add", UserOptions::What::add, "Add a user; asks for the password");
    v->add_option("name", user_.name, "Letters, digits and . _ - @")->required();
    add_role(*v, user_.role);
    v->add_flag("--replace", user_.replace, "Give a user of that name a new password and role");
    v->add_flag("--password-stdin", user_.password_stdin, "Read the password from standard input, one line");
    v->footer("  mesura user add anna --role control\n  pass show mesura | mesura user add anna --password-stdin");
    add_user(*users, "del", UserOptions::What::del, "Remove a user; their sessions end")
        ->add_option("name", user_.name, "The user")
        ->required();
    v = add_user(*users, "list", UserOptions::What::list, "All users and their roles");
    add_format(*v, user_.format, {{"table", Format::table}, {"json", Format::json}});

    auto* tokens = app.add_subcommand("token", "Secrets with which programs use HTTP: add, list, revoke");
    tokens->require_subcommand(1);
    v = add_token(*tokens, "add", TokenOptions::What::add, "Make a token and print it, this once");
    v->add_option("name", token_.name, "What it is for, e.g. grafana")->required();
    add_role(*v, token_.role);
    add_duration(*v, "--expires", token_.expires, "Ends after this time (default: never)");
    v->footer(
        "  mesura token add grafana\n  curl -H \"Authorization: Bearer $(mesura token add script --expires 1d)\" URL");
    v = add_token(*tokens, "list", TokenOptions::What::list, "All tokens, without what is secret of them");
    add_format(*v, token_.format, {{"table", Format::table}, {"json", Format::json}});
    add_token(*tokens, "revoke", TokenOptions::What::revoke, "End a token, at once")
        ->add_option("name", token_.name, "The token")
        ->required();
  }

 private:
  static void add_role(CLI::App& verb, std::string& role) {
    verb.add_option("--role", role, "What it allows: read, or control (devices too)")
        ->check(CLI::IsMember({"read", "control"}))
        ->type_name("")
        ->capture_default_str();
  }
  static void add_state(CLI::App& verb, std::optional<std::string>& state) {
    verb.add_option("--state", state, "State directory (default: that of the configuration)")->type_name("DIR");
  }
  CLI::App* add_user(CLI::App& users, const char* name, UserOptions::What what, const char* help) {
    auto* v = users.add_subcommand(name, help);
    add_common(*v, user_.common);
    add_state(*v, user_.state);
    v->callback([this, what] {
      user_.what = what;
      verb_ = [this] { return user(user_); };
    });
    return v;
  }
  CLI::App* add_token(CLI::App& tokens, const char* name, TokenOptions::What what, const char* help) {
    auto* v = tokens.add_subcommand(name, help);
    add_common(*v, token_.common);
    add_state(*v, token_.state);
    v->callback([this, what] {
      token_.what = what;
      verb_ = [this] { return token(token_); };
    });
    return v;
  }

  std::function<int()>& verb_;
  UserOptions user_;
  TokenOptions token_;
};

}  // namespace

int dispatch(int argc, char** argv) {
  CLI::App app{"Mesura collects the measurements of energy meters and keeps them.", "mesura"};
  app.set_version_flag("--version", "mesura " MESURA_VERSION);
  app.require_subcommand(1);
  app.footer(kFooter);
  std::function<int()> verb;

  RunOptions run_options;
  auto* v =
      app.add_subcommand("run", "Collect: open every device of the configuration and feed its sinks until stopped");
  add_common(*v, run_options.common, false);
  v->add_option("config,-c,--config", run_options.common.config, "Configuration file")->type_name("FILE");
  v->footer(
      "SIGHUP or `mesura reload` reads the configuration again; SIGTERM or ^C stops within 5 s, a second one at "
      "once.\n\n"
      "  mesura run house.yaml");
  v->callback([&] { verb = [&] { return run(run_options); }; });

  CheckOptions check_options;
  v = app.add_subcommand("check", "Read the configuration and report every mistake; opens nothing");
  add_common(*v, check_options.common, false);
  v->add_option("config,-c,--config", check_options.common.config, "Configuration file")->type_name("FILE");
  add_format(*v, check_options.format, {{"text", Format::text}, {"json", Format::json}});
  v->callback([&] { verb = [&] { return check(check_options); }; });

  ShowOptions show_options;
  bool effective = true;
  v = app.add_subcommand("show", "Print the configuration as it takes effect: defaults filled in, secrets masked");
  add_common(*v, show_options.common, false);
  v->add_option("config,-c,--config", show_options.common.config, "Configuration file")->type_name("FILE");
  v->add_flag("--effective", effective, "With defaults and resolved values (always on)");
  v->callback([&] { verb = [&] { return show(show_options); }; });

  ProbeOptions probe_options;
  v = app.add_subcommand("probe", "Open devices and print what they measure; no sinks");
  add_common(*v, probe_options.common);
  v->add_option("device", probe_options.devices,
                "Names from the configuration, or addresses such as dsmr_p1+tcp://host:port");
  add_duration(*v, "--for", probe_options.duration, "Stop after this time");
  v->add_option("--count", probe_options.count, "Stop after so many telegrams");
  add_format(*v, probe_options.format, {{"jsonl", Format::jsonl}, {"table", Format::table}, {"csv", Format::csv}});
  std::vector<std::string> probe_pairs;
  v->add_option("--option", probe_pairs, "Option of the plugin, for addresses (repeatable)")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  v->footer(
      "  mesura probe dsmr_p1+serial:/dev/ttyUSB0 --for 10s\n  mesura probe dsmr_p1+tcp://p1.local:23 --count 1 "
      "--format table");
  v->callback([&] {
    probe_options.options = split_pairs(probe_pairs, "--option");
    verb = [&] { return probe(probe_options); };
  });

  DiscoverOptions discover_options;
  std::optional<std::chrono::nanoseconds> discover_wait;
  v = app.add_subcommand("discover", "Find devices: by asking the networks here, single hosts, and listing ports");
  add_common(*v, discover_options.common, false);
  v->add_option("plugin", discover_options.plugins, "Only devices of these plugins (default: of all)");
  v->add_option("--host", discover_options.hosts, "Ask this host (repeatable)")
      ->type_name("HOST[:PORT]")
      ->allow_extra_args(false);
  v->add_option("--range", discover_options.ranges, "Ask every host of this network (repeatable)")
      ->type_name("CIDR")
      ->allow_extra_args(false);
  add_duration(*v, "--wait", discover_wait, "For answers (default 3s)");
  v->add_flag("!--no-ports", discover_options.ports,
              "Do not list serial and HID ports (they are left out with --host and --range anyway)");
  v->add_flag("!--no-mdns", discover_options.mdns, "Do not ask Avahi what devices announce (mDNS)");
  v->add_flag("--probe", discover_options.probe,
              "Open serial and HID ports that nobody uses, and see what answers there");
  std::optional<std::chrono::nanoseconds> discover_listen;
  add_duration(*v, "--listen", discover_listen, "With --probe: for a telegram, at each rate (default 11s)");
  add_format(*v, discover_options.format, {{"table", Format::table}, {"json", Format::json}});
  v->footer(
      "  mesura discover\n  mesura discover ct6 --range 192.168.0.0/24\n  mesura discover smartmeter --host "
      "192.168.0.7\n  mesura discover --probe");
  v->callback([&] {
    if (discover_wait) discover_options.wait = *discover_wait;
    if (discover_listen) discover_options.listen = *discover_listen;
    verb = [&] { return discover(discover_options); };
  });

  DoctorOptions doctor_options;
  std::optional<std::chrono::nanoseconds> doctor_listen, doctor_wait;
  v = app.add_subcommand("doctor",
                         "Look for what is wrong with devices, ports, servers, disks and clock, and tell the remedy");
  add_common(*v, doctor_options.common);
  v->add_option("device", doctor_options.devices,
                "Only these devices: names from the configuration, or addresses (default: everything)");
  v->add_flag("--probe", doctor_options.probe,
              "Open the devices and listen; silent serial ports at other rates too (not while the service runs)");
  add_duration(*v, "--listen", doctor_listen, "With --probe: for a telegram, at each rate (default 11s)");
  add_duration(*v, "--wait", doctor_wait, "For hosts, brokers and databases (default 5s)");
  add_format(*v, doctor_options.format, {{"text", Format::text}, {"json", Format::json}});
  v->footer(
      "Exit code 0: nothing is wrong; 1: something is; 2: usage. Without a configuration: ports, groups and clock.\n\n"
      "  mesura doctor\n  mesura doctor --config house.yaml -v\n  mesura doctor grid --probe\n"
      "  mesura doctor dsmr_p1+serial:/dev/ttyUSB0 --probe");
  v->callback([&] {
    if (doctor_listen) doctor_options.listen = *doctor_listen;
    if (doctor_wait) doctor_options.wait = *doctor_wait;
    verb = [&] { return doctor(doctor_options); };
  });

  DecodeOptions decode_options;
  std::vector<std::string> decode_pairs;
  v = app.add_subcommand(
      "decode", "Decode recorded bytes: measurements to stdout, rejects with reason and byte offset to stderr");
  add_common(*v, decode_options.common, false);
  v->add_option("plugin", decode_options.plugin, "Device plugin, e.g. dsmr_p1")->required();
  v->add_option("file", decode_options.file, "Raw bytes or a capture; - for standard input")->capture_default_str();
  v->add_option("--option", decode_pairs, "Option of the plugin (repeatable)")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  add_format(*v, decode_options.format, {{"jsonl", Format::jsonl}, {"table", Format::table}, {"csv", Format::csv}});
  v->footer(
      "Exit code 0: every frame good; 3: some rejected; 1: none found.\n\n"
      "  mesura decode dsmr_p1 capture.bin\n  cat /dev/ttyUSB0 | mesura decode dsmr_p1 - --format table");
  v->callback([&] {
    decode_options.options = split_pairs(decode_pairs, "--option");
    verb = [&] { return decode(decode_options); };
  });

  CaptureOptions capture_options;
  v = app.add_subcommand("capture", "Record a device's raw bytes with their times, for `replay` and `decode`");
  add_common(*v, capture_options.common);
  v->add_option("device", capture_options.device, "Name from the configuration, or an address")->required();
  v->add_option("-o,--output", capture_options.output, "File to write")->required()->type_name("FILE");
  add_duration(*v, "--for", capture_options.duration, "Stop after this time");
  v->footer("  mesura capture dsmr_p1+serial:/dev/ttyUSB0 -o p1.capture --for 5m");
  v->callback([&] { verb = [&] { return capture(capture_options); }; });

  ReplayOptions replay_options;
  std::vector<std::string> replay_pairs;
  v = app.add_subcommand("replay", "Decode a capture at its original times; print it, or write it to a sink again");
  add_common(*v, replay_options.common);
  v->add_option("file", replay_options.file, "Capture")->required();
  v->add_option("--plugin", replay_options.plugin, "Device plugin")->required();
  v->add_option("--device", replay_options.device, "Device name that the measurements carry (default: the plugin's)");
  v->add_option("--option", replay_pairs, "Option of the plugin (repeatable)")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  v->add_option("--speed", replay_options.speed, "1: as it was, N: so many times faster, max")->capture_default_str();
  v->add_option("--to", replay_options.to, "Write to this sink of the configuration; repeating it changes nothing")
      ->type_name("SINK");
  add_progress(*v, replay_options.progress);
  add_format(*v, replay_options.format, {{"jsonl", Format::jsonl}, {"table", Format::table}, {"csv", Format::csv}});
  v->footer(
      "  mesura replay p1.capture --plugin dsmr_p1 --speed max\n"
      "  mesura replay p1.capture --plugin dsmr_p1 --device grid --config house.yaml --to local");
  v->callback([&] {
    replay_options.options = split_pairs(replay_pairs, "--option");
    verb = [&] { return replay(replay_options); };
  });

  ImportOptions import_options;
  std::vector<std::string> import_units;
  v = app.add_subcommand("import", "Write what other collectors have stored to a sink; repeating it changes nothing");
  add_common(*v, import_options.common);
  v->add_option("system", import_options.system, "csv, ct6-mysql, ct6-sqlite, godenerg, p1-monitor")
      ->required()
      ->check(CLI::IsMember({"csv", "ct6-mysql", "ct6-sqlite", "godenerg", "p1-monitor"}))
      ->type_name("SYSTEM");
  v->add_option("source", import_options.sources,
                "Files; of p1-monitor a directory or http://HOST, of ct6-mysql mysql://USER@HOST[:PORT][/DATABASE]");
  v->add_option("--to", import_options.to, "Sink of the configuration")->required()->type_name("SINK");
  v->add_option("--device", import_options.device, "Device of the configuration that the data are of")
      ->type_name("NAME");
  v->add_option("--fleet", import_options.fleet, "Fleet of the configuration that the device belongs to")
      ->type_name("NAME");
  v->add_option("--from", import_options.from, "Only from this time on: RFC 3339, a date, seconds since 1970")
      ->type_name("TIME");
  v->add_option("--to-time", import_options.to_time, "Only before this time")->type_name("TIME");
  v->add_option("--zone", import_options.zone, "Zone of times that say none (default: the configuration's timezone)")
      ->type_name("ZONE");
  v->add_flag("--dry-run", import_options.dry_run, "Read everything, say what would be written, write nothing");
  v->add_option("--map", import_options.mappings, "csv: what a column is (repeatable)")
      ->type_name("COLUMN=CHANNEL/QUANTITY[:UNIT][*FACTOR]")
      ->allow_extra_args(false);
  v->add_option("--time", import_options.time_column, "csv: the column of the time (default: time, else the first)")
      ->type_name("COLUMN");
  v->add_option("--time-format", import_options.time_format, "csv: auto, s, ms, us, ns, or such as '%d.%m.%Y %H:%M:%S'")
      ->type_name("FORMAT")
      ->capture_default_str();
  v->add_option("--delimiter", import_options.delimiter, "csv: what stands between cells, or tab (default: found out)")
      ->type_name("CHAR");
  v->add_option("--unit", import_units, "ct6-mysql: which device a unit's database is of (repeatable)")
      ->type_name("DATABASE=DEVICE")
      ->allow_extra_args(false);
  v->add_option("--host", import_options.host, "ct6-mysql: the server")->type_name("HOST");
  v->add_option("--port", import_options.port, "ct6-mysql: its port")->type_name("PORT");
  v->add_option("--socket", import_options.socket, "ct6-mysql: its Unix socket")->type_name("PATH");
  v->add_option("--user", import_options.user, "ct6-mysql: account that may read the units' databases")
      ->type_name("NAME");
  v->add_option("--password-file", import_options.password_file, "ct6-mysql: file whose first line is the password")
      ->type_name("FILE");
  v->add_option("--password-env", import_options.password_env, "ct6-mysql: environment variable with the password")
      ->type_name("NAME");
  v->add_option("--tls", import_options.tls, "ct6-mysql: off, unverified, on")
      ->check(CLI::IsMember({"off", "unverified", "on"}))
      ->type_name("")
      ->capture_default_str();
  add_format(*v, import_options.format, {{"table", Format::table}, {"json", Format::json}});
  add_progress(*v, import_options.progress);
  v->footer(
      "Exit code 0: everything taken; 3: something left out, which is told by reason.\n\n"
      "  mesura import ct6-sqlite ASY0398_V003.300_SN00001846.db --device cupboard --to local --dry-run\n"
      "  mesura import ct6-mysql mysql://reader@db.local --unit Kitchen=cupboard --password-file pw --to local\n"
      "  mesura import godenerg /home/pi/inverter.db --device inverter --to local\n"
      "  mesura import p1-monitor http://digimon.local --device grid --to local\n"
      "  mesura import csv old.csv --device shed --map 'Power [kW]=total/active_power:kW' --to local");
  v->callback([&] {
    import_options.units = split_pairs(import_units, "--unit");
    verb = [&] { return import(import_options); };
  });

  BackupOptions backup_options;
  std::vector<std::string> backup_words;
  v = app.add_subcommand("backup", "Copy the file of a sqlite sink, also while a service writes to it");
  add_common(*v, backup_options.common);
  v->add_option("words", backup_words, "The sink's name (needed when there are several), and the new file")
      ->type_name("[SINK] FILE")
      ->required()
      ->expected(1, 2);
  add_progress(*v, backup_options.progress);
  v->footer(
      "The copy is as the file was at one instant, is checked, and gets its name when it is whole.\n\n"
      "  mesura backup local /media/stick/mesura-2026-06-14.db");
  v->callback([&] {
    backup_options.file = backup_words.back();
    if (backup_words.size() == 2) backup_options.sink = backup_words.front();
    verb = [&] { return backup(backup_options); };
  });

  RollupOptions rollup_options;
  auto* rollup_verbs = app.add_subcommand("rollup", "Rows a minute, 15 minutes, hour and day of a sink: rebuild");
  rollup_verbs->require_subcommand(1);
  v = rollup_verbs->add_subcommand("rebuild", "Make them again from raw rows; with the running service or without");
  add_common(*v, rollup_options.common);
  v->add_option("sink", rollup_options.sink, "Sink of kind sqlite or mysql (default: the first)");
  v->add_option("--device", rollup_options.device, "Only of this device, or of the fleet that it belongs to");
  v->add_option("--from", rollup_options.from, "Begin: 2026-06-14, -7d, this_month ... (default: all)");
  v->add_option("--to", rollup_options.to, "End (default: all)");
  add_progress(*v, rollup_options.progress);
  v->footer("  mesura rollup rebuild local --device grid --from 2026-06-01 --to 2026-06-30");
  v->callback([&] { verb = [&] { return rollup_rebuild(rollup_options); }; });

  SimulateOptions simulate_options;
  v = app.add_subcommand("simulate", "Run a virtual device: the same bytes as the real one, with faults on demand");
  v->prefix_command();
  v->set_help_flag();  // the plugin's own options belong into the help: it is printed by the verb
  v->callback([&, simulate_app = v] {
    simulate_options.arguments = simulate_app->remaining();
    verb = [&] { return simulate(simulate_options); };
  });

  DeviceOptions device_options;
  v = app.add_subcommand("device", "Ask devices for something: read or change a setting, run a command of theirs");
  v->prefix_command();
  v->set_help_flag();  // what a command takes, only its plugin knows: the verb prints the help
  v->callback([&, device_app = v] {
    device_options.arguments = device_app->remaining();
    verb = [&] { return device(device_options); };
  });

  AuditOptions audit_options;
  v = app.add_subcommand("audit", "What was written to devices: when, by whom, from where, before and after");
  add_common(*v, audit_options.common);
  v->add_option("--device", audit_options.devices, "Of these, with * and ? (repeatable; default: all)")
      ->type_name("GLOB")
      ->allow_extra_args(false);
  v->add_option("--from", audit_options.from, "From this time on: RFC 3339, epoch seconds, -1h, today, ...")
      ->type_name("TIME");
  v->add_option("--to", audit_options.to, "Up to this time, not in it")->type_name("TIME");
  v->add_option("-n,--count", audit_options.count, "So many lines, the newest")->capture_default_str();
  v->add_option("--state", audit_options.state, "State directory (default: that of the configuration)")
      ->type_name("DIR");
  add_format(*v, audit_options.format, {{"table", Format::table}, {"json", Format::json}});
  v->footer("  mesura audit --device 'ct6_*' --from today");
  v->callback([&] { verb = [&] { return audit(audit_options); }; });

  StatusOptions status_options;
  v = app.add_subcommand("status", "What the running service does: devices, sinks, queues");
  add_common(*v, status_options.common);
  add_format(*v, status_options.format, {{"table", Format::table}, {"json", Format::json}});
  v->callback([&] { verb = [&] { return status(status_options); }; });

  ReloadOptions reload_options;
  v = app.add_subcommand("reload", "Make the running service read its configuration again; a bad file changes nothing");
  add_common(*v, reload_options.common);
  v->callback([&] { verb = [&] { return reload(reload_options); }; });

  LatestOptions latest_options;
  v = app.add_subcommand("latest",
                         "The newest value of each series: of the running service, else of a sink's database");
  add_common(*v, latest_options.common);
  v->add_option("series", latest_options.series, "Globs device/channel/quantity (default: all)");
  v->add_flag("--watch", latest_options.watch,
              "Go on with each new measurement, as JSON lines unless --format says otherwise");
  add_format(*v, latest_options.format, {{"table", Format::table}, {"jsonl", Format::jsonl}, {"csv", Format::csv}});
  v->add_option("--sink", latest_options.sink, "Read this sink's database, not the service (default without one)")
      ->type_name("SINK");
  v->footer("  mesura latest 'grid/*/active_power'\n  mesura latest --watch grid/total");
  v->callback([&, latest_app = v] {
    // What goes on without end is for programs, unless somebody wants to look at it.
    if (latest_options.watch && latest_app->count("--format") == 0) latest_options.format = Format::jsonl;
    verb = [&] { return latest(latest_options); };
  });

  QueryOptions query_options;
  v = app.add_subcommand("query", "What a sink has stored: a table, CSV, JSON or a chart; with or without the service");
  add_common(*v, query_options.common);
  add_past(*v, query_options.sink, query_options.from, query_options.to);
  v->add_option("series", query_options.series, "Globs device/channel/quantity; fewer parts take all below")
      ->required();
  v->add_option("--points", query_options.points,
                "At most so many windows a series (default 1000; of a chart: its width)")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000}));
  add_duration(*v, "--every", query_options.every, "Windows of this length instead; whole days: those of the site");
  v->add_option("--aggregate", query_options.aggregate, "What is shown of a window")
      ->check(CLI::IsMember({"minmax", "mean", "last", "min", "max", "all"}))
      ->type_name("")
      ->capture_default_str();
  v->add_option("--resolution", query_options.resolution, "Read these rows (default: the coarsest that fit)")
      ->check(CLI::IsMember({"raw", "1m", "15m", "1h", "1d"}))
      ->type_name("");
  v->add_option("--format", query_options.format, "Form of the output")
      ->check(CLI::IsMember({"table", "csv", "json", "jsonl", "plot"}))
      ->type_name("")
      ->capture_default_str();
  v->footer(
      "Tables and charts have the site's time, the others UTC.\n\n"
      "  mesura query grid/total/active_power --from -6h --format plot\n"
      "  mesura query 'solar/*/active_power' --from 2026-06-01 --to 2026-07-01 --every 1h --aggregate mean --format "
      "csv");
  v->callback([&] { verb = [&] { return query(query_options); }; });

  ExportOptions export_options;
  ExportRecordingOptions recording_options;
  std::string recording_format;
  v = app.add_subcommand("export",
                         "Everything that a sink has stored of some series; or a recording, at its full rate");
  add_common(*v, export_options.common);
  add_past(*v, export_options.sink, export_options.from, export_options.to);
  auto* export_globs = v->add_option("series", export_options.series, "Globs device/channel/quantity (default: all)");
  auto* recording =
      v->add_option("--recording", recording_options.device, "The waveform of this device, as a recording sink has it")
          ->type_name("DEVICE");
  v->add_option("--resolution", export_options.resolution, "Rows as they came, or windows")
      ->check(CLI::IsMember({"raw", "1m", "15m", "1h", "1d"}))
      ->type_name("")
      ->capture_default_str();
  v->add_option("--columns,--col", export_options.columns,
                "Of windows: mean min max last delta count; of --layout godenerg: its columns (repeatable, or a,b,c)")
      ->delimiter(',')
      ->allow_extra_args(false);
  v->add_option("--format", export_options.format,
                "csv, jsonl; of --layout godenerg also json; of --recording csv, f32")
      ->check(CLI::IsMember({"csv", "jsonl", "json", "f32"}))
      ->type_name("")
      ->capture_default_str();
  v->add_option("--layout", export_options.layout, "As another program had it")
      ->check(CLI::IsMember({"godenerg"}))
      ->type_name("");
  v->add_flag("--long", export_options.by_line, "CSV with a row a value, device after device, not a column a series");
  v->add_flag("--local", export_options.local, "Times of the site's zone with their offset (default: UTC)");
  auto* every_rows =
      v->add_option("--every", recording_options.every, "Of a recording: the least and greatest of so many rows each")
          ->check(CLI::PositiveNumber)
          ->type_name("ROWS");
  v->add_option("-o,--output", export_options.output, "File to write (default: standard output)")->type_name("FILE");
  v->add_flag("--resume", export_options.resume, "Go on where the file ends");
  v->add_flag("--force", export_options.force, "Write a file anew that is there");
  every_rows->needs(recording);
  recording->excludes(export_globs);
  for (const char* of_series : {"--resolution", "--columns", "--layout", "--long", "--resume"})
    recording->excludes(v->get_option(of_series));
  add_progress(*v, export_options.progress);
  v->footer(
      "^C leaves whole lines (exit code 3); the same command with --resume goes on.\n\n"
      "  mesura export grid --from 2026-06-01 --to 2026-07-01 -o june.csv\n"
      "  mesura export 'grid/*/active_power' --resolution 15m --columns mean,max --format jsonl\n"
      "  mesura export inverter --layout godenerg -o stats.csv\n"
      "  mesura export --recording lab --from -10s --format f32 -o lab.f32");
  v->callback([&] {
    verb = [&] {
      if (recording_options.device.empty()) return export_series(export_options);
      recording_options.common = export_options.common;
      recording_options.sink = export_options.sink;
      recording_options.from = export_options.from;
      recording_options.to = export_options.to;
      recording_options.format = export_options.format;
      recording_options.local = export_options.local;
      recording_options.output = export_options.output;
      recording_options.force = export_options.force;
      recording_options.progress = export_options.progress;
      return export_recording(recording_options);
    };
  });

  auto* waveforms = app.add_subcommand("waveform", "Waveforms: record");
  waveforms->require_subcommand(1);
  WaveformRecordOptions record_options;
  std::vector<std::string> record_pairs;
  std::vector<std::string> record_forms;
  std::optional<std::chrono::nanoseconds> record_patience;
  v = waveforms->add_subcommand("record", "Record the waveform of devices, and tell how much came and was lost");
  add_common(*v, record_options.common);
  v->add_option("device", record_options.devices, "Names in the configuration, or addresses such as smartmeter://host")
      ->required();
  v->add_option("-o,--output", record_options.output,
                "A file (.f32, .mkv, .csv; one device), or a directory (default: ./recording)")
      ->type_name("FILE|DIR");
  add_duration(*v, "--duration", record_options.duration, "So much of each device (default: until ^C)");
  v->add_option("--rows", record_options.rows, "So many rows of each device, lost ones counted")
      ->check(CLI::PositiveNumber)
      ->type_name("N")
      ->excludes(v->get_option("--duration"));
  v->add_option("--rate", record_options.rate, "Rows a second (default: the device's)")
      ->check(CLI::PositiveNumber)
      ->type_name("HZ");
  v->add_option("--measures", record_options.measures, "What a row holds, e.g. v,i,v,i,v,i or v,i_L1")
      ->type_name("LIST");
  v->add_option("--start-at", record_options.start_at,
                "All devices begin with the same instant: +5s, or a whole second 2026-06-14T12:00:00Z")
      ->type_name("TIME");
  v->add_option("--option", record_pairs, "Option of the plugin (repeatable)")
      ->type_name("K=V")
      ->allow_extra_args(false);
  v->add_option("--format", record_forms,
                "Of the files: plain (float32), mkv, csv; of the summary: table, json (lines). One of each: mkv,json")
      ->check(CLI::IsMember({"plain", "mkv", "csv", "table", "json"}))
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("");
  add_duration(*v, "--patience", record_patience, "Give up a device that sends no row for so long (default: 20s)");
  v->add_flag("--force", record_options.force, "Replace a file that is there");
  add_progress(*v, record_options.progress);
  v->footer(
      "^C ends it as well; what was recorded is complete. Exit code 3: rows were lost, or one of several devices "
      "failed.\n"
      "A device that a running service has open is recorded through it, as its configuration says.\n\n"
      "  mesura waveform record smartmeter://smartmeter001.local --duration 10s\n"
      "  mesura waveform record lab1 lab2 lab3 --rate 8000 --start-at +10s --duration 1h --format mkv\n"
      "  mesura waveform record lab --rows 80000 -o run.csv --progress json");
  v->callback([&] {
    record_options.options = split_pairs(record_pairs, "--option");
    bool told_summary = false;
    for (const auto& word : record_forms) {
      const bool of_summary = word == "table" || word == "json";
      if (of_summary ? std::exchange(told_summary, true) : !record_options.form.empty())
        throw CLI::ValidationError(
            "--format", "expected one form of the files and one of the summary, got '" + word + "' as another");
      if (of_summary)
        record_options.summary = word == "json" ? Format::json : Format::table;
      else
        record_options.form = word;
    }
    if (record_patience) record_options.patience = *record_patience;
    verb = [&] { return waveform_record(record_options); };
  });

  EnergyOptions energy_options;
  v = app.add_subcommand("energy", "Energies and volumes by day, month, any time: of registers, else of powers");
  add_common(*v, energy_options.common);
  add_past(*v, energy_options.sink, energy_options.from, energy_options.to);
  v->add_option("series", energy_options.series, "Globs device/channel/quantity of registers or powers")->required();
  v->add_option("--every", energy_options.every, "Windows, in the site's zone")
      ->check(CLI::IsMember({"whole", "15m", "1h", "day", "week", "month", "year"}))
      ->type_name("")
      ->capture_default_str();
  v->add_option("--format", energy_options.format, "Form of the output")
      ->check(CLI::IsMember({"table", "csv", "json"}))
      ->type_name("")
      ->capture_default_str();
  v->footer("  mesura energy grid/total --from 2026-06-01 --to 2026-07-01 --every day");
  v->callback([&] { verb = [&] { return energy(energy_options); }; });

  DemandOptions demand_options;
  v = app.add_subcommand("demand", "Quarter-hour demand and month peaks, as the capacity tariff bills them");
  add_common(*v, demand_options.common);
  add_past(*v, demand_options.sink, demand_options.from, demand_options.to);
  v->add_option("device", demand_options.device, "Device, or device/channel")->required();
  v->add_option("--format", demand_options.format, "Form of the output")
      ->check(CLI::IsMember({"table", "csv", "json"}))
      ->type_name("")
      ->capture_default_str();
  v->footer("  mesura demand grid --from 2026-06-01 --to 2026-07-01");
  v->callback([&] { verb = [&] { return demand(demand_options); }; });

  LogOptions log_options;
  v = app.add_subcommand("log", "Change the running service's log level, of all or of one device");
  add_common(*v, log_options.common);
  v->add_option("level", log_options.level, "error, warn, info, debug, trace (raw bytes), default")
      ->required()
      ->check(CLI::IsMember({"error", "warn", "info", "debug", "trace", "default"}));
  v->add_option("device", log_options.component, "Device (default: everything)");
  v->footer("  mesura log trace grid\n  mesura log default grid");
  v->callback([&] { verb = [&] { return log(log_options); }; });

  auto* spool_verbs =
      app.add_subcommand("spool", "What waits for the sinks on disk: ls, check, drain, export, requeue");
  spool_verbs->require_subcommand(1);
  SpoolOptions spool_options;
  const auto add_spool = [&](const char* name, SpoolOptions::What what, const char* help) {
    auto* s = spool_verbs->add_subcommand(name, help);
    add_common(*s, spool_options.common);
    s->callback([&, what] {
      spool_options.what = what;
      verb = [&] { return spool(spool_options); };
    });
    return s;
  };
  v = add_spool("ls", SpoolOptions::What::ls, "What waits for each sink; of the sinks named, their dead letters");
  v->add_option("sink", spool_options.sinks, "Show the dead letters of these sinks");
  add_format(*v, spool_options.format, {{"table", Format::table}, {"json", Format::json}});
  v->footer("  mesura spool ls\n  mesura spool ls local");
  v = add_spool("check", SpoolOptions::What::check, "Read everything and tell what is damaged");
  v->add_option("sink", spool_options.sinks, "Of these sinks (default: all)");
  add_progress(*v, spool_options.progress);
  v = add_spool("drain", SpoolOptions::What::drain,
                "Write now what waits; works with the running service, and without one");
  v->add_option("sink", spool_options.sinks, "For these sinks (default: all)");
  add_progress(*v, spool_options.progress);
  v = add_spool("export", SpoolOptions::What::export_all, "Print what waits, or the dead letters; changes nothing");
  v->add_option("sink", spool_options.sinks, "For these sinks (default: all)");
  v->add_flag("--dead", spool_options.dead, "The dead letters instead");
  Format export_format = Format::jsonl;
  add_format(*v, export_format, {{"jsonl", Format::jsonl}, {"csv", Format::csv}});
  add_progress(*v, spool_options.progress);
  v->callback([&] {
    spool_options.what = SpoolOptions::What::export_all;
    spool_options.format = export_format;
    verb = [&] { return spool(spool_options); };
  });
  v->footer("  mesura spool export broker > waiting.jsonl\n  mesura spool export local --dead --format csv");
  v = add_spool("requeue", SpoolOptions::What::requeue, "Put dead letters back to be written again");
  std::string requeue_sink;
  v->add_option("sink", requeue_sink, "The sink")->required();
  v->add_option("id", spool_options.ids, "Numbers from `mesura spool ls SINK` (default: all of them)");
  v->callback([&] {
    spool_options.what = SpoolOptions::What::requeue;
    spool_options.sinks = {requeue_sink};
    verb = [&] { return spool(spool_options); };
  });

  const AccountVerbs account_verbs{app, verb};

  auto* plugin = app.add_subcommand("plugin", "Device plugins: list, info");
  plugin->require_subcommand(1);
  PluginListOptions list_options;
  v = plugin->add_subcommand("list", "All plugins found, and those refused with reason and remedy");
  add_common(*v, list_options.common);
  add_format(*v, list_options.format, {{"table", Format::table}, {"json", Format::json}});
  v->callback([&] { verb = [&] { return plugin_list(list_options); }; });
  PluginInfoOptions info_options;
  v = plugin->add_subcommand("info", "A plugin's links, options, quantities");
  add_common(*v, info_options.common);
  v->add_option("plugin", info_options.plugin, "Name")->required();
  add_format(*v, info_options.format, {{"text", Format::text}, {"json", Format::json}});
  v->callback([&] { verb = [&] { return plugin_info(info_options); }; });

  SchemaOptions schema_options;
  auto* config = app.add_subcommand("config", "The configuration's JSON Schema, for editors");
  config->require_subcommand(1);
  v = config->add_subcommand("schema", "Print the JSON Schema of the configuration, options of all plugins included");
  add_common(*v, schema_options.common, false);
  v->callback([&] { verb = [&] { return schema(schema_options); }; });

  DemoOptions demo_options;
  v = app.add_subcommand("demo", "Virtual meters, a collector and SQLite in one go, to see Mesura work");
  v->add_option("--directory", demo_options.directory, "Where to keep its files (default: ./mesura-demo)");
  add_duration(*v, "--for", demo_options.duration, "Stop after this time (default: at ^C)");
  v->callback([&] { verb = [&] { return demo(demo_options); }; });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    // CLI11 has codes of its own (105, 106, ...); ours are fewer. Help and version are no failures.
    return app.exit(e) == 0 ? kDone : kUsage;
  }
  return verb();
}

}  // namespace mesura::app
