// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "import_sources.hpp"

#include "collector/device_setup.hpp"
#include "config/secrets.hpp"
#include "import/csv_importer.hpp"
#include "import/ct6_sqlite.hpp"
#include "import/godenerg.hpp"
#include "import/p1_monitor.hpp"
#include "import/p1_source.hpp"
#include "import/wall_clock.hpp"
#if MESURA_WITH_MYSQL
#include "import/ct6_mysql.hpp"
#endif

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <utility>

namespace mesura::app {

using importing::Importer;
using importing::ImportError;
using importing::Target;

namespace {

model::Zone zone_of(const ImportOptions& options, const config::Configuration& configuration) {
  const std::string& name = options.zone.empty() ? configuration.timezone : options.zone;
  model::Problem problem;
  if (const auto zone = model::Zone::find(name, &problem)) return *zone;
  throw ImportUsage(fmt::format("cli-usage: --zone: {}\n  expected  {}", problem.message, problem.expected));
}

}  // namespace

ImportSources::ImportSources(const ImportOptions& options, const Loaded& loaded, SeriesTable& series,
                             importing::KnownSeriesMap known, importing::Problems& problems)
    : options_(options),
      loaded_(loaded),
      series_(series),
      known_(std::move(known)),
      problems_(problems),
      zone_(zone_of(options, *loaded.configuration)) {
  if (!options.from.empty()) range_.from_ns = time("--from", options.from);
  if (!options.to_time.empty()) range_.to_ns = time("--to-time", options.to_time);
  if (range_.from_ns >= range_.to_ns) throw ImportUsage("cli-usage: --from is not before --to-time");
  if (!options.fleet.empty()) {
    const auto* fleet = find_device(options.fleet);
    if (fleet == nullptr || !fleet->fleet)
      throw ImportUsage(fmt::format("cli-device: {} has no fleet '{}'", loaded.file, options.fleet));
  }
}

std::int64_t ImportSources::time(const std::string& option, const std::string& text) const {
  if (const auto value = importing::CsvTime{}.parse(text)) {
    if (!value->wall) return value->ns;
    importing::WallZone zone{zone_};
    return zone.meaning(value->ns).first_ns;
  }
  throw ImportUsage(fmt::format(
      "cli-usage: {}: expected a time such as 2026-06-14T12:45:00Z, 2026-06-14 or seconds since 1970, got '{}'", option,
      text));
}

const config::DeviceConfig* ImportSources::find_device(const std::string& name) const {
  const auto& devices = loaded_.configuration->devices;
  const auto found = std::find_if(devices.begin(), devices.end(), [&](const auto& d) { return d.name == name; });
  return found == devices.end() ? nullptr : &*found;
}

const plugin::LoadedPlugin& ImportSources::plugin(const std::string& name) const {
  const auto* found = loaded_.plugins.find(name);
  if (found == nullptr)
    throw ImportUsage(
        fmt::format("plg-none: plugin '{}' is not there, which says what the series are called\n  hint      `mesura "
                    "plugin list` tells why",
                    name));
  return *found;
}

const std::string& ImportSources::needed_device() const {
  if (!options_.device.empty()) return options_.device;
  throw ImportUsage(fmt::format(
      "cli-usage: {} needs --device NAME: the device of the configuration that the data are of", options_.system));
}

const std::string& ImportSources::one_source() const {
  if (options_.sources.size() == 1) return options_.sources.front();
  throw ImportUsage(fmt::format("cli-usage: {} takes one source, got {}", options_.system, options_.sources.size()));
}

/// `plugin_name` empty: that of the device's configuration, if it has one.
Target& ImportSources::target(const std::string& device, const std::string& plugin_name) {
  auto& target = targets_[device];
  if (target) return *target;
  const auto* configured = find_device(device);
  if (configured == nullptr && !options_.fleet.empty()) configured = find_device(options_.fleet);
  if (configured != nullptr && !plugin_name.empty() && configured->plugin != plugin_name)
    throw ImportUsage(fmt::format("cli-device: device '{}' is one of plugin {}, expected one of {}", device,
                                  configured->plugin, plugin_name));
  if (configured == nullptr)
    problems_.note("device-unknown", loaded_.file,
                   fmt::format("there is no device '{}': nothing is known of its channels' roles and labels", device));
  Target::Setup setup;
  setup.device = device;
  setup.fleet = options_.fleet;
  setup.known = &known_;
  const std::string& name = !plugin_name.empty()    ? plugin_name
                            : configured != nullptr ? configured->plugin
                                                    : plugin_name;
  if (!name.empty()) setup.schema = &plugin(name).schema;
  if (configured != nullptr) setup.channels = collector::channel_rules(*configured);
  target = std::make_unique<Target>(series_, std::move(setup));
  return *target;
}

std::vector<ImportSources::Make> ImportSources::make() {
  const std::string& system = options_.system;
  if (system != "csv" && !options_.mappings.empty()) throw ImportUsage("cli-usage: --map is for csv");
  if (system != "ct6-mysql" && !options_.units.empty()) throw ImportUsage("cli-usage: --unit is for ct6-mysql");
  source_ = fmt::format("{} {}", system, fmt::join(options_.sources, " "));
  if (system == "csv") return make_csv();
  if (system == "ct6-mysql") return make_ct6_mysql();
  if (system == "ct6-sqlite") return make_ct6_sqlite();
  if (system == "godenerg") return make_godenerg();
  return make_p1_monitor();
}

std::vector<ImportSources::Make> ImportSources::make_csv() {
  if (options_.sources.empty()) throw ImportUsage("cli-usage: csv needs at least one file");
  importing::CsvSetup setup;
  setup.zone = zone_;
  for (const auto& file : options_.sources) setup.files.emplace_back(file);
  setup.device = options_.device;
  for (const auto& text : options_.mappings) {
    std::string error;
    auto mapping = importing::parse_mapping(text, error);
    if (!mapping) throw ImportUsage(fmt::format("cli-usage: --map '{}': {}", text, error));
    setup.mappings.push_back(std::move(*mapping));
  }
  setup.time_column = options_.time_column;
  if (!importing::CsvTime::is_format(options_.time_format))
    throw ImportUsage(fmt::format(
        "cli-usage: --time-format: expected auto, s, ms, us, ns or a pattern of %Y %y %m %d %H %M %S %z, got '{}'",
        options_.time_format));
  setup.time = importing::CsvTime{options_.time_format};
  if (options_.delimiter == "tab") {
    setup.delimiter = '\t';
  } else if (options_.delimiter.size() == 1) {
    setup.delimiter = options_.delimiter.front();
  } else if (!options_.delimiter.empty()) {
    throw ImportUsage(
        fmt::format("cli-usage: --delimiter: expected one character or tab, got '{}'", options_.delimiter));
  }
  setup.target = [this](const std::string& device, std::string& error) -> Target* {
    try {
      return &target(device, {});
    } catch (const ImportUsage& e) {
      error = e.what();
      return nullptr;
    }
  };
  return {[this, setup = std::move(setup)] { return importing::csv_files(setup, problems_); }};
}

std::vector<ImportSources::Make> ImportSources::make_ct6_sqlite() {
  Target& place = target(needed_device(), "ct6");
  return {[this, &place, file = one_source()] { return importing::ct6_sqlite(file, place, zone_, problems_); }};
}

std::vector<ImportSources::Make> ImportSources::make_godenerg() {
  Target& place = target(needed_device(), "axpert");
  importing::GodenergSetup setup;
  setup.file = one_source();
  setup.axpert = &plugin("axpert");
  setup.range = range_;
  setup.zone = loaded_.configuration->site_zone;
  if (const auto* configured = find_device(options_.device)) {
    setup.options = configured->options;
    setup.channels = collector::channel_rules(*configured);
  } else {
    auto reading = config::read_pairs({}, config::object(setup.axpert->schema.options), {});
    setup.options = std::move(reading.value);
  }
  return {[this, &place, setup = std::move(setup)] { return importing::godenerg(setup, series_, place, problems_); }};
}

std::vector<ImportSources::Make> ImportSources::make_p1_monitor() {
  Target& place = target(needed_device(), "dsmr_p1");
  return {[this, &place, where = one_source()] {
    return importing::p1_monitor(importing::quarter_source(where, problems_), place, range_, problems_);
  }};
}

#if MESURA_WITH_MYSQL
namespace {

/// mysql://USER@HOST[:PORT][/DATABASE]
void read_url(const std::string& url, database::mariadb::Login& login) {
  constexpr std::string_view kScheme = "mysql://";
  const auto refuse = [&](std::string_view why) {
    throw ImportUsage(fmt::format("cli-usage: expected mysql://USER@HOST[:PORT][/DATABASE], {}", why));
  };
  if (!url.starts_with(kScheme)) refuse("got something else");
  std::string rest = url.substr(kScheme.size());
  if (const auto slash = rest.find('/'); slash != std::string::npos) {
    login.database = rest.substr(slash + 1);
    rest.resize(slash);
  }
  if (const auto at = rest.rfind('@'); at != std::string::npos) {
    login.user = rest.substr(0, at);
    rest.erase(0, at + 1);
    // Everybody on the machine can read the arguments of a program.
    if (login.user.find(':') != std::string::npos)
      refuse("got one with a password in it: use --password-file or --password-env");
  }
  if (const auto colon = rest.rfind(':'); colon != std::string::npos) {
    const auto [end, error] = std::from_chars(rest.data() + colon + 1, rest.data() + rest.size(), login.port);
    if (error != std::errc{} || end != rest.data() + rest.size()) refuse("got a port that is none");
    rest.resize(colon);
  }
  if (!rest.empty()) login.host = rest;
}

std::string password_of(const ImportOptions& options) {
  if (!options.password_file.empty() && !options.password_env.empty())
    throw ImportUsage("cli-usage: --password-file and --password-env: one of them");
  if (!options.password_env.empty()) {
    const char* value = std::getenv(options.password_env.c_str());
    if (value == nullptr)
      throw ImportUsage(fmt::format("cli-usage: --password-env: {} is not set", options.password_env));
    return value;
  }
  if (options.password_file.empty()) return {};
  constexpr std::size_t kLargest = 64 * 1024;
  auto file = config::read_text_file(options.password_file, kLargest);
  if (!file.error.empty())
    throw ImportUsage(fmt::format("cli-usage: --password-file: {}: {}", options.password_file, file.error));
  return file.text.substr(0, file.text.find_first_of("\r\n"));
}

}  // namespace

std::vector<ImportSources::Make> ImportSources::make_ct6_mysql() {
  database::mariadb::Login login;
  login.user = "root";
  if (options_.sources.size() > 1) throw ImportUsage("cli-usage: ct6-mysql takes at most one URL");
  if (!options_.sources.empty()) read_url(options_.sources.front(), login);
  if (!options_.host.empty()) login.host = options_.host;
  if (options_.port != 0) login.port = options_.port;
  if (!options_.user.empty()) login.user = options_.user;
  login.socket = options_.socket;
  login.password = password_of(options_);
  using database::mariadb::TlsMode;
  login.tls.mode = options_.tls == "on"           ? TlsMode::on
                   : options_.tls == "unverified" ? TlsMode::unverified
                                                  : TlsMode::off;
  source_ = fmt::format("ct6-mysql {}", login.where());

  KeyValues units = options_.units;
  const std::string named = std::exchange(login.database, {});
  const auto there = importing::ct6_databases(login);
  const std::string list = there.empty() ? "none that this account can see" : fmt::to_string(fmt::join(there, ", "));
  if (units.empty()) {
    // One unit goes to --device without more words; of several, each must be told.
    const std::string& device = needed_device();
    if (!named.empty()) {
      units.emplace_back(named, device);
    } else if (there.size() == 1) {
      units.emplace_back(there.front(), device);
    } else {
      throw ImportUsage(
          fmt::format("cli-usage: which unit is '{}'?\n  expected  --unit DATABASE=DEVICE for each wanted\n  got       "
                      "the databases {}",
                      device, list));
    }
  }
  std::vector<Make> makes;
  for (const auto& [database, device] : units) {
    if (std::find(there.begin(), there.end(), database) == there.end())
      throw ImportError(fmt::format("ct6-schema: {} has no database '{}' with a table CT6_SENSOR\n  got       {}",
                                    login.where(), database, list));
    Target& place = target(device, "ct6");
    login.database = database;
    makes.emplace_back([this, login, &place] { return importing::ct6_mysql(login, place, zone_, problems_); });
  }
  return makes;
}
#else
std::vector<ImportSources::Make> ImportSources::make_ct6_mysql() {
  throw ImportUsage("cli-usage: this mesura was built without MariaDB and MySQL");
}
#endif

}  // namespace mesura::app
