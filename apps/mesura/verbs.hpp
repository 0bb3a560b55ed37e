// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The verbs of the command line, one function each; cli.cpp turns arguments into their options.
#pragma once

#include "progress.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mesura::app {

/// What every verb's exit code means.
enum ExitCode : int {
  kDone = 0,
  kFailed = 1,
  kUsage = 2,   ///< arguments or configuration
  kPartial = 3  ///< some of it: frames rejected, devices missing
};

enum class Format { text, table, json, jsonl, csv };

struct Common {
  std::optional<std::string> config;  ///< --config FILE
  int verbose = 0;                    ///< -v: debug, -vv: trace
  std::vector<std::string> trace;     ///< --trace DEVICE: raw bytes
  std::vector<std::string> plugin_path;
};

using KeyValues = std::vector<std::pair<std::string, std::string>>;

struct RunOptions {
  Common common;
};
int run(const RunOptions& options);

struct CheckOptions {
  Common common;
  Format format = Format::text;
};
int check(const CheckOptions& options);

struct ShowOptions {
  Common common;
};
int show(const ShowOptions& options);

struct ProbeOptions {
  Common common;
  std::vector<std::string> devices;  ///< names or addresses; empty: all of the configuration
  std::optional<std::chrono::nanoseconds> duration;
  std::uint64_t count = 0;  ///< batches; 0: no limit
  Format format = Format::jsonl;
  KeyValues options;  ///< of the plugins of addresses
};
int probe(const ProbeOptions& options);

struct DiscoverOptions {
  Common common;
  std::vector<std::string> plugins;  ///< empty: all that can
  std::vector<std::string> hosts;    ///< to be asked one by one: HOST or HOST:PORT
  std::vector<std::string> ranges;   ///< the same for networks: 192.168.0.0/24
  std::chrono::nanoseconds wait{std::chrono::seconds{3}};
  bool ports = true;                                          ///< also list serial and HID ports
  bool mdns = true;                                           ///< also ask Avahi
  bool probe = false;                                         ///< open ports that are free, listen and ask
  std::chrono::nanoseconds listen{std::chrono::seconds{11}};  ///< of it, for a telegram
  Format format = Format::table;
};
int discover(const DiscoverOptions& options);

struct DoctorOptions {
  Common common;
  std::vector<std::string> devices;  ///< names or addresses; empty: everything
  bool probe = false;                ///< open devices and listen
  std::chrono::nanoseconds listen{std::chrono::seconds{11}};
  std::chrono::nanoseconds wait{std::chrono::seconds{5}};  ///< for hosts, brokers, databases
  Format format = Format::text;
};
/// What is wrong here, and what to do about it.
int doctor(const DoctorOptions& options);

struct DecodeOptions {
  Common common;
  std::string plugin;
  std::string file = "-";
  KeyValues options;
  Format format = Format::jsonl;
};
int decode(const DecodeOptions& options);

struct CaptureOptions {
  Common common;
  std::string device;
  std::string output;
  std::optional<std::chrono::nanoseconds> duration;
};
int capture(const CaptureOptions& options);

struct ReplayOptions {
  Common common;
  ProgressStyle progress = ProgressStyle::automatic;
  std::string file;
  std::string plugin;
  std::string device;  ///< name that the measurements carry; default: the plugin's
  KeyValues options;
  std::string speed = "max";
  std::optional<std::string> to;
  Format format = Format::jsonl;
};
int replay(const ReplayOptions& options);

struct ImportOptions {
  Common common;
  std::string system;                ///< "csv", "ct6-mysql", "ct6-sqlite", "godenerg", "p1-monitor"
  std::vector<std::string> sources;  ///< files, directories, a URL
  std::string to;                    ///< sink of the configuration
  std::string device;                ///< where it goes
  std::string fleet;                 ///< that the device belongs to
  KeyValues units;                   ///< ct6-mysql: database and device
  std::string from, to_time;         ///< the part of it that is wanted: RFC 3339, dates, seconds since 1970
  std::string zone;                  ///< of times without an offset; default: the site's
  bool dry_run = false;
  std::vector<std::string> mappings;  ///< csv: COLUMN=CHANNEL/QUANTITY[:UNIT][*FACTOR]
  std::string time_column;            ///< csv
  std::string time_format = "auto";   ///< csv
  std::string delimiter;              ///< csv; default: found out
  std::string host, user, socket;     ///< ct6-mysql
  std::uint16_t port = 0;
  std::string password_file, password_env;
  std::string tls = "off";
  Format format = Format::table;
  ProgressStyle progress = ProgressStyle::automatic;
};
/// What other collectors have stored, into a sink; repeating it changes nothing.
int import(const ImportOptions& options);

struct BackupOptions {
  Common common;
  std::string sink;  ///< empty: the only one
  std::string file;
  ProgressStyle progress = ProgressStyle::automatic;
};
int backup(const BackupOptions& options);

struct RollupOptions {
  Common common;
  std::string sink;    ///< empty: the first of kind sqlite or mysql
  std::string device;  ///< empty: all
  std::string from, to;
  ProgressStyle progress = ProgressStyle::automatic;
};
int rollup_rebuild(const RollupOptions& options);

struct SimulateOptions {
  Common common;
  std::vector<std::string> arguments;  ///< everything after the verb: the plugin's twin has options of its own
};
int simulate(const SimulateOptions& options);

struct DeviceOptions {
  Common common;
  std::vector<std::string> arguments;  ///< everything after the verb: commands have options of their own
};
/// Shows what can be asked of devices, and asks it.
int device(const DeviceOptions& options);

struct AuditOptions {
  Common common;
  std::vector<std::string> devices;  ///< names and globs; empty: all
  std::string from, to;              ///< empty: all
  std::uint64_t count = 50;
  std::optional<std::string> state;  ///< directory; default: that of the configuration
  Format format = Format::table;
};
/// What was written to devices, the newest last.
int audit(const AuditOptions& options);

struct StatusOptions {
  Common common;
  Format format = Format::table;
};
int status(const StatusOptions& options);

struct ReloadOptions {
  Common common;
};
int reload(const ReloadOptions& options);

struct LatestOptions {
  Common common;
  std::string sink;  ///< to read from without a service; empty: the first that can be read back
  std::vector<std::string> series;
  bool watch = false;
  Format format = Format::table;
};
int latest(const LatestOptions& options);

struct LogOptions {
  Common common;
  std::string component;  ///< device name, "core", ...; empty: all
  std::string level;      ///< "error" ... "trace", "default"
};
int log(const LogOptions& options);

struct SpoolOptions {
  enum class What : std::uint8_t { ls, check, drain, export_all, requeue };
  Common common;
  What what = What::ls;
  std::vector<std::string> sinks;  ///< empty: all that have a spool
  std::vector<std::int64_t> ids;   ///< of dead letters; empty: all
  bool dead = false;               ///< export the dead letters
  Format format = Format::table;
  ProgressStyle progress = ProgressStyle::automatic;
};
/// What waits for the sinks on disk.
int spool(const SpoolOptions& options);

struct UserOptions {
  enum class What : std::uint8_t { add, del, list };
  Common common;
  What what = What::list;
  std::optional<std::string> state;  ///< directory; default: that of the configuration
  std::string name;
  std::string role = "read";
  bool replace = false;         ///< a user of that name gets a new password and role
  bool password_stdin = false;  ///< not from the terminal
  Format format = Format::table;
};
/// Who may log in over HTTP.
int user(const UserOptions& options);

struct TokenOptions {
  enum class What : std::uint8_t { add, list, revoke };
  Common common;
  What what = What::list;
  std::optional<std::string> state;
  std::string name;
  std::string role = "read";
  std::optional<std::chrono::nanoseconds> expires;
  Format format = Format::table;
};
/// Secrets with which programs use HTTP.
int token(const TokenOptions& options);

struct PluginListOptions {
  Common common;
  Format format = Format::table;
};
int plugin_list(const PluginListOptions& options);

struct PluginInfoOptions {
  Common common;
  std::string plugin;
  Format format = Format::text;
};
int plugin_info(const PluginInfoOptions& options);

struct SchemaOptions {
  Common common;
};
/// The JSON Schema of the configuration.
int schema(const SchemaOptions& options);

struct DemoOptions {
  std::optional<std::string> directory;
  std::optional<std::chrono::nanoseconds> duration;
};
int demo(const DemoOptions& options);

struct QueryOptions {
  Common common;
  std::string sink;  ///< empty: the first that can be read back
  std::vector<std::string> series;
  std::string from = "-1h";
  std::string to = "now";
  std::optional<std::uint64_t> points;
  std::optional<std::chrono::nanoseconds> every;
  std::string aggregate = "minmax";
  std::string resolution;  ///< empty: what fits
  std::string format = "table";
};
/// What a sink has stored, thinned to a number of points.
int query(const QueryOptions& options);

struct EnergyOptions {
  Common common;
  std::string sink;
  std::vector<std::string> series;
  std::string from = "today";
  std::string to = "now";
  std::string every = "whole";
  std::string format = "table";
};
int energy(const EnergyOptions& options);

struct DemandOptions {
  Common common;
  std::string sink;
  std::string device;  ///< or device/channel
  std::string from = "today";
  std::string to = "now";
  std::string format = "table";
};
int demand(const DemandOptions& options);

struct ExportOptions {
  Common common;
  std::string sink;
  std::vector<std::string> series;
  std::string from;  ///< empty: from the first row on
  std::string to = "now";
  std::string resolution = "raw";
  std::vector<std::string> columns;
  std::string format = "csv";
  std::string layout;  ///< empty: ours
  bool by_line = false;
  bool local = false;
  std::string output = "-";
  bool resume = false;
  bool force = false;
  ProgressStyle progress = ProgressStyle::automatic;
};
/// `export` is a word of the language.
int export_series(const ExportOptions& options);

struct ExportRecordingOptions {
  Common common;
  std::string sink;
  std::string device;
  std::string from;
  std::string to = "now";
  std::string format = "csv";
  std::optional<std::uint64_t> every;  ///< rows: their least and greatest values
  bool local = false;
  std::string output = "-";
  bool force = false;
  ProgressStyle progress = ProgressStyle::automatic;
};
int export_recording(const ExportRecordingOptions& options);

struct WaveformRecordOptions {
  Common common;
  std::vector<std::string> devices;  ///< names or addresses
  std::string output;                ///< file or directory; empty: ./recording
  std::string form;                  ///< "plain", "mkv", "csv"; empty: what the output's name says
  Format summary = Format::table;    ///< or json: lines
  std::optional<std::chrono::nanoseconds> duration;
  std::uint64_t rows = 0;                                       ///< 0: no limit
  std::int64_t rate = 0;                                        ///< Hz; 0: the device's
  std::string measures;                                         ///< empty: the plugin's
  std::string start_at;                                         ///< "+5s", RFC 3339; empty: at once
  KeyValues options;                                            ///< of the plugin
  std::chrono::nanoseconds patience{std::chrono::seconds{20}};  ///< with a device that sends no row
  bool force = false;
  ProgressStyle progress = ProgressStyle::automatic;
  [[nodiscard]] bool limited() const { return rows != 0 || duration.has_value(); }
};
/// The waveform of devices into files, through the service that has them open or by itself.
int waveform_record(const WaveformRecordOptions& options);

}  // namespace mesura::app
