// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// mesura waveform record: the waveform of devices into files.
#include "chosen.hpp"
#include "past.hpp"
#include "row_source.hpp"
#include "setup.hpp"
#include "take.hpp"
#include "verbs.hpp"
#include "waveform_files.hpp"

#include "config/address.hpp"
#include "config/reader.hpp"
#include "config/units.hpp"
#include "runtime/time_text.hpp"
#include "service/control.hpp"
#include "service/state_directory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

namespace mesura::app {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr auto kWriteEvery = std::chrono::milliseconds{500};
// What a device needs to be connected to and told: it takes no start that is nearer.
constexpr std::int64_t kLeastLead = 5 * kSecond;
constexpr std::int64_t kMostLead = 24 * 3600 * kSecond;

/// "+5s", or RFC 3339: a whole second that lies ahead.
std::optional<std::int64_t> start_of(const std::string& text, std::int64_t now_ns) {
  if (text.empty()) return std::nullopt;
  std::int64_t start = 0;
  if (text.front() == '+') {
    const auto lead = config::parse_duration(text.substr(1));
    if (!lead)
      throw VerbError{kUsage, fmt::format("cli-usage]: --start-at: expected a duration such as +5s or a time such as "
                                          "2026-06-14T12:00:00Z\n  got       {}",
                                          text)};
    start = (now_ns + lead->count() + kSecond - 1) / kSecond * kSecond;
  } else if (const auto time = runtime::parse_time(text); time && *time % kSecond == 0) {
    start = *time;
  } else {
    throw VerbError{kUsage, fmt::format("cli-usage]: --start-at: expected a whole second such as 2026-06-14T12:00:00Z, "
                                        "or +5s\n  got       {}",
                                        text)};
  }
  if (start - now_ns < kLeastLead || start - now_ns > kMostLead)
    throw VerbError{kUsage, fmt::format("cli-usage]: --start-at: expected an instant 5 s to 1 d ahead\n  got       {}, "
                                        "which is {:.1f} s from now",
                                        runtime::format_time(start, runtime::Precision::seconds),
                                        static_cast<double>(start - now_ns) / 1e9)};
  return start;
}

/// The plugin's options that the command line has words of its own for.
KeyValues plugin_options(const WaveformRecordOptions& o, std::optional<std::int64_t> start_ns) {
  KeyValues options = o.options;
  if (o.rate != 0) options.emplace_back("rate", std::to_string(o.rate));
  if (!o.measures.empty()) options.emplace_back("measures", o.measures);
  if (start_ns) options.emplace_back("start_at", runtime::format_time(*start_ns, runtime::Precision::seconds));
  return options;
}

/// The options of a configured device, some of them replaced.
void replace_options(config::DeviceConfig& device, const KeyValues& pairs, const config::PluginSchema& plugin) {
  auto reading = config::read_pairs(pairs, config::object(plugin.options));
  print_diagnostics(reading.diagnostics);
  if (!reading.ok()) throw VerbError{kUsage, {}};
  config::Value::Map merged;
  for (const auto& read : reading.value.map()) {
    const std::string& key = read.first;
    const bool ours = std::any_of(pairs.begin(), pairs.end(), [&](const auto& pair) { return pair.first == key; });
    merged.emplace_back(key, ours || !device.options[key] ? read.second : device.options[key]);
  }
  for (const auto& [key, value] : device.options.map())
    if (!reading.value[key]) merged.emplace_back(key, value);
  device.options = config::Value{std::move(merged)};
}

/// Files of the service that may have these devices open; nullopt: there is none.
std::optional<std::filesystem::path> service_of(const WaveformRecordOptions& options) {
  const bool names =
      std::any_of(options.devices.begin(), options.devices.end(), [](const auto& d) { return !config::is_address(d); });
  if (!names) return std::nullopt;
  const auto loaded = load_configuration(options.common);
  if (!loaded) throw VerbError{kUsage, {}};
  return service::control_socket(loaded->state);
}

/// One device of the command line.
struct Recorded {
  std::string wanted;  ///< as it was typed
  std::string name;    ///< that its files have; of an address set when its rows begin
  std::unique_ptr<RowSource> source;
  std::unique_ptr<Take> take;
  bool over = false;
  std::string reason;        ///< of a failure: "rec-lost: ..."
  std::int64_t last_ns = 0;  ///< steady time of the last block, or of the beginning
  [[nodiscard]] bool failed() const { return !reason.empty(); }
};

class WaveformRecorder {
 public:
  explicit WaveformRecorder(const WaveformRecordOptions& options)
      : options_(options),
        start_ns_(start_of(options.start_at, clock_.wall_ns())),
        files_(options.form, options.output, options.force, options.devices.size() == 1),
        loop_(clock_),
        log_(terminal_log(options.common)),
        progress_(options.progress, "rows") {}

  int run();

 private:
  void add_devices();
  void add(const std::string& wanted, const std::string& name,
           const std::function<std::unique_ptr<RowSource>(RowSource::Callbacks)>& make);
  void on_block(Recorded& device, const BatchPtr& block);
  void end(Recorded& device, std::string reason);
  void name_it(Recorded& device);
  void tick();
  bool write();
  void look();
  [[nodiscard]] int finish();
  [[nodiscard]] int exit_code() const;

  const WaveformRecordOptions& options_;
  runtime::SystemClock clock_;
  std::optional<std::int64_t> start_ns_;
  WaveformFiles files_;
  runtime::EventLoop loop_;
  std::shared_ptr<runtime::Log> log_;
  Progress progress_;
  SeriesTable series_;
  std::optional<Chosen> chosen_;
  std::vector<std::unique_ptr<Recorded>> devices_;
  std::set<std::string> names_;
  std::vector<BatchPtr> blocks_;  ///< not yet written
  std::string broken_;            ///< why nothing can be written
  bool interrupted_ = false;
};

/// A service holds all devices that it knows; the others are opened here.
void WaveformRecorder::add_devices() {
  std::vector<std::string> direct;
  std::map<std::string, runtime::UniqueFd> held;
  const auto socket = service_of(options_);
  for (const auto& wanted : options_.devices) {
    runtime::UniqueFd fd;
    if (socket && !config::is_address(wanted)) fd = service::send_request(*socket, {"waveform", wanted});
    if (fd)
      held.emplace(wanted, std::move(fd));
    else
      direct.push_back(wanted);
  }
  const KeyValues options = plugin_options(options_, start_ns_);
  if (!held.empty() && !options.empty())
    throw VerbError{kUsage, fmt::format("rec-service]: the running service has {} open, and measures as its "
                                        "configuration says\n  got       {}\n  hint      change the configuration and "
                                        "`mesura reload`, or stop the service",
                                        held.begin()->first, options.front().first)};
  if (!direct.empty()) {
    chosen_ = choose(options_.common, direct, options);
    if (!chosen_) throw VerbError{kUsage, {}};
  }
  std::size_t next = 0;
  for (const auto& wanted : options_.devices) {
    if (const auto found = held.find(wanted); found != held.end()) {
      add(wanted, wanted, [&](RowSource::Callbacks callbacks) {
        return std::make_unique<ServiceRows>(loop_, std::move(found->second), wanted, std::move(callbacks));
      });
      continue;
    }
    config::DeviceConfig& device = chosen_->devices[next++];
    const bool is_address = config::is_address(wanted);
    if (device.fleet)
      throw VerbError{kUsage, fmt::format("rec-fleet]: {} is a fleet; its devices are recorded one by one, through a "
                                          "running service",
                                          wanted)};
    if (!is_address && !options.empty()) replace_options(device, options, chosen_->plugins.find(device.plugin)->schema);
    // Several addresses of one plugin; the log tells them apart by it.
    if (is_address && options_.devices.size() > 1) device.name = wanted;
    add(wanted, is_address ? std::string{} : wanted, [&](RowSource::Callbacks callbacks) {
      return std::make_unique<DirectRows>(DirectRows::Context{loop_, log_, series_, chosen_->plugins, chosen_->zone},
                                          device, std::move(callbacks));
    });
  }
}

void WaveformRecorder::add(const std::string& wanted, const std::string& name,
                           const std::function<std::unique_ptr<RowSource>(RowSource::Callbacks)>& make) {
  auto& device = *devices_.emplace_back(std::make_unique<Recorded>());
  device.wanted = wanted;
  device.name = name;
  names_.insert(name);
  device.source = make(
      {[this, &device](const BatchPtr& block) { on_block(device, block); },
       [this, &device](const RowsEnd& why) { end(device, why.good ? std::string{} : why.code + ": " + why.message); }});
  TakeLimit limit;
  limit.rows = options_.rows;
  limit.duration_ns = options_.duration ? options_.duration->count() : 0;
  limit.start_ns = start_ns_;
  device.take = std::make_unique<Take>(limit, device.source->sees_begin());
}

/// Of an address: what the device calls itself, as the vendor's client has it.
void WaveformRecorder::name_it(Recorded& device) {
  std::string own = device.source->own_name();
  if (own.empty()) own = chosen_->devices.size() == 1 ? chosen_->devices.front().plugin : device.wanted;
  device.name = own;
  for (int n = 2; !names_.insert(device.name).second; ++n) device.name = fmt::format("{}_{}", own, n);
}

void WaveformRecorder::on_block(Recorded& device, const BatchPtr& block) {
  if (device.over) return;
  if (device.name.empty()) name_it(device);
  device.last_ns = clock_.steady_ns();
  if (BatchPtr part = device.take->take(block, device.name)) blocks_.push_back(std::move(part));
  if (device.take->done())
    end(device, {});
  else if (!device.take->failure().empty())
    end(device, device.take->failure());
}

/// The source may be calling: it is stopped from the loop's top.
void WaveformRecorder::end(Recorded& device, std::string reason) {
  if (device.over) return;
  device.over = true;
  device.reason = std::move(reason);
  loop_.post([&device] { device.source->stop(); });
  if (std::all_of(devices_.begin(), devices_.end(), [](const auto& d) { return d->over; }))
    loop_.post([this] { loop_.stop(); });
}

bool WaveformRecorder::write() {
  if (!broken_.empty()) return false;
  if (blocks_.empty()) return true;
  broken_ = files_.write(blocks_);
  blocks_.clear();
  return broken_.empty();
}

/// A device that sends nothing has no other way to end.
void WaveformRecorder::look() {
  const std::int64_t now = clock_.steady_ns();
  const std::int64_t lead = start_ns_ ? std::max<std::int64_t>(*start_ns_ - clock_.wall_ns(), 0) : 0;
  std::uint64_t rows = 0;
  std::uint64_t wanted = 0;
  for (const auto& device : devices_) {
    rows += device->take->rows() + device->take->lost();
    wanted += device->take->wanted();
    if (lead > 0) device->last_ns = now;
    if (device->over || now - device->last_ns < options_.patience.count()) continue;
    end(*device, fmt::format("rec-silent: no row for {:.1f} s; {}", static_cast<double>(now - device->last_ns) / 1e9,
                             device->source->state()));
  }
  progress_.show(lead > 0 ? "waiting for the start" : "recording", rows, std::max(rows, wanted));
}

void WaveformRecorder::tick() {
  look();
  if (!write()) {
    loop_.stop();
    return;
  }
  loop_.after(kWriteEvery, [this] { tick(); });
}

int WaveformRecorder::run() {
  add_devices();
  if (std::string wrong = files_.open(log_); !wrong.empty()) throw VerbError{kFailed, wrong};
  const Signals signals{loop_, [&](int) {
                          interrupted_ = true;
                          loop_.stop();
                        }};
  for (const auto& device : devices_) {
    device->last_ns = clock_.steady_ns();
    device->source->start();
  }
  loop_.after(kWriteEvery, [this] { tick(); });
  loop_.run();
  return finish();
}

int WaveformRecorder::finish() {
  for (const auto& device : devices_) device->source->stop();  // tells what it has not told yet
  (void)write();
  files_.close();
  std::vector<TakeSummary> summaries;
  for (const auto& device : devices_) {
    auto& s = summaries.emplace_back();
    s.device = device->name.empty() ? device->wanted : device->name;
    s.take = device->take.get();
    if (!device->failed() && !device->take->begun() && broken_.empty())
      device->reason = "rec-none: no row came; " + device->source->state();
    if (!broken_.empty() && !device->failed()) device->reason = broken_;
    s.reason = device->reason;
    s.status = device->failed() ? "failed" : device->over || !options_.limited() ? "done" : "interrupted";
    if (device->take->begun())
      s.files = files_.written(s.device, device->take->start_ns(), device->take->stop_ns(), broken_);
    if (device->failed())
      std::fputs(fmt::format("mesura waveform: {}: error[{}]{}\n", s.device, s.reason.substr(0, s.reason.find(':')),
                             s.reason.substr(std::min(s.reason.find(':'), s.reason.size())))
                     .c_str(),
                 stderr);
  }
  if (!broken_.empty()) std::fputs("mesura waveform: what was recorded before is kept\n", stderr);
  Out out;
  out.write(options_.summary == Format::json ? summary_json(summaries) : summary_table(summaries));
  return out.exit_code(exit_code());
}

int WaveformRecorder::exit_code() const {
  const auto failed = std::count_if(devices_.begin(), devices_.end(), [](const auto& d) { return d->failed(); });
  if (failed == static_cast<std::ptrdiff_t>(devices_.size())) return kFailed;
  const bool lost = std::any_of(devices_.begin(), devices_.end(), [](const auto& d) { return d->take->lost() > 0; });
  const bool cut = interrupted_ && options_.limited();
  return failed > 0 || lost || cut || !broken_.empty() ? kPartial : kDone;
}

}  // namespace

int waveform_record(const WaveformRecordOptions& options) {
  return tell_errors("waveform", [&] {
    WaveformRecorder recorder{options};
    return recorder.run();
  });
}

}  // namespace mesura::app
