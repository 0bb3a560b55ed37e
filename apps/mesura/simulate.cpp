// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// mesura simulate PLUGIN: virtual devices on real transports.
#include "setup.hpp"
#include "verbs.hpp"

#include "config/reader.hpp"
#include "model/measurement_json.hpp"
#include "runtime/time_text.hpp"
#include "runtime/unique_fd.hpp"
#include "session/twin.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

namespace mesura::app {

namespace {

/// A mistake in the arguments.
class Usage : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Where the first of the twins is to be found; the others follow (port + n, path-n).
struct Place {
  std::string kind;  ///< tcp_listen, pty, file
  std::string value;
};

struct Arguments {
  std::string plugin;
  bool help = false;
  std::vector<Place> places;
  std::optional<std::string> log;
  std::uint32_t count = 1;
  std::optional<double> speed;  ///< 0: as fast as possible
  std::optional<std::int64_t> start_ns;
  KeyValues device_options;
};

const char* const kHelp =
    "Runs virtual devices that speak as the real ones do.\n"
    "\n"
    "Usage: mesura simulate PLUGIN [WHERE] [OPTIONS] [the device's own options]\n"
    "\n"
    "WHERE (one of)\n"
    "  --listen tcp:HOST:PORT  serve over TCP; PORT 0 takes a free one and prints it\n"
    "  --pty PATH              serve on a pseudo-terminal; PATH becomes a symbolic link to it\n"
    "  --output FILE           write the bytes to FILE (- for standard output) as fast as possible\n"
    "\n"
    "OPTIONS\n"
    "  --count N               so many devices: ports and paths count up from the first\n"
    "  --speed N               virtual seconds per second (default 1; max with --output)\n"
    "  --start TIME            the virtual clock's start, e.g. 2024-02-12T17:00:00Z (default now)\n"
    "  --log FILE              what was sent, as JSON lines\n"
    "  -v, --plugin-path DIR   as for every verb\n";

std::string option_help(const std::vector<config::Field>& fields) {
  std::string out;
  for (const auto& field : fields) {
    std::string name = "--" + field.name;
    std::replace(name.begin(), name.end(), '_', '-');
    std::string help = field.schema.help;
    if (!field.schema.values.empty()) help += fmt::format(" [{}]", fmt::join(field.schema.values, "|"));
    if (field.fallback && !field.fallback->empty()) help += fmt::format(" (default {})", *field.fallback);
    out += fmt::format("  {:<23} {}\n", name, help);
  }
  return out;
}

double parse_speed(const std::string& text) {
  if (text == "max") return 0;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !(value > 0) || value > 1e6)
    throw Usage(fmt::format("--speed: expected a number above 0, or max; got '{}'", text));
  return value;
}

Arguments parse(const std::vector<std::string>& words, Common& common) {
  Arguments a;
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string word = words[i];
    if (word == "--help" || word == "-h") {
      a.help = true;
      continue;
    }
    if (word == "-v" || word == "--verbose") {
      ++common.verbose;
      continue;
    }
    if (word.rfind("--", 0) != 0) {
      if (!a.plugin.empty())
        throw Usage(fmt::format("expected one plugin and options that begin with --, got '{}'", word));
      a.plugin = word;
      continue;
    }
    std::optional<std::string> value;
    if (const auto equals = word.find('='); equals != std::string::npos) {
      value = word.substr(equals + 1);
      word.resize(equals);
    } else if (i + 1 < words.size() && words[i + 1].rfind("--", 0) != 0) {
      value = words[++i];
    }
    const auto needed = [&]() -> const std::string& {
      if (!value || value->empty()) throw Usage(fmt::format("{}: expected a value", word));
      return *value;
    };
    if (word == "--listen") {
      const std::string& where = needed();
      if (where.rfind("tcp:", 0) != 0) throw Usage(fmt::format("--listen: expected tcp:HOST:PORT, got '{}'", where));
      a.places.push_back({"tcp_listen", where.substr(4)});
    } else if (word == "--pty") {
      a.places.push_back({"pty", needed()});
    } else if (word == "--output") {
      a.places.push_back({"file", needed()});
    } else if (word == "--log") {
      a.log = needed();
    } else if (word == "--count") {
      const std::string& text = needed();
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), a.count);
      if (error != std::errc{} || end != text.data() + text.size() || a.count < 1 || a.count > 10'000)
        throw Usage(fmt::format("--count: expected 1 to 10000, got '{}'", text));
    } else if (word == "--speed") {
      a.speed = parse_speed(needed());
    } else if (word == "--start") {
      a.start_ns = runtime::parse_time(needed());
      if (!a.start_ns)
        throw Usage(fmt::format("--start: expected a time such as 2024-02-12T17:00:00Z, got '{}'", *value));
    } else if (word == "--plugin-path") {
      common.plugin_path.push_back(needed());
    } else {
      std::string key = word.substr(2);
      std::replace(key.begin(), key.end(), '-', '_');
      a.device_options.emplace_back(key, value.value_or("true"));
    }
  }
  return a;
}

/// The place of twin `index`: the port or path of the first, counted up.
std::string place_of(const Place& place, std::uint32_t index) {
  if (index == 0) return place.value;
  if (place.kind != "tcp_listen") return fmt::format("{}-{}", place.value, index);
  const auto colon = place.value.rfind(':');
  unsigned port = 0;
  if (colon != std::string::npos)
    std::from_chars(place.value.data() + colon + 1, place.value.data() + place.value.size(), port);
  return port == 0 ? place.value : fmt::format("{}:{}", place.value.substr(0, colon), port + index);
}

class ByteFile {
 public:
  explicit ByteFile(const std::string& path) {
    if (path == "-") {
      fd_ = runtime::UniqueFd{::dup(STDOUT_FILENO)};
    } else {
      fd_ = runtime::UniqueFd{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)};
    }
    if (!fd_) throw std::runtime_error(fmt::format("{}: can't be written: {}", path, std::strerror(errno)));
  }
  bool write(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto n = ::write(fd_.get(), bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

 private:
  runtime::UniqueFd fd_;
};

std::unique_ptr<transport::Transport> serve(const Place& place, const transport::Context& context) {
  const transport::Kind* kind = transport::find_kind(place.kind);
  const std::string key = place.kind == "pty" ? "path" : "listen";
  const auto reading = config::read_pairs({{key, place.value}}, kind->schema);
  if (!reading.ok()) {
    const auto& first = reading.diagnostics.list().front();
    throw Usage(fmt::format("{}; expected {}, got {}", first.message, first.expected, first.got));
  }
  return kind->make(reading.value, context);
}

int simulate_devices(const Arguments& a, const Common& common, const plugin::LoadedPlugin& plugin) {
  const auto& schema = *plugin.virtual_schema;
  const auto reading = config::read_pairs(a.device_options, config::object(schema.options));
  if (!reading.ok()) {
    for (const auto& d : reading.diagnostics.list()) std::fputs(config::render_text(d).c_str(), stderr);
    std::fprintf(stderr, "  hint      `mesura simulate %s --help` lists the device's options\n", plugin.name.c_str());
    return kUsage;
  }
  if (a.places.size() != 1) throw Usage("expected exactly one of --listen, --pty, --output");
  const Place& place = a.places.front();
  const bool to_file = place.kind == "file";

  runtime::SystemClock clock;
  runtime::EventLoop loop{clock};
  Signals signals{loop, [&](int) { loop.stop(); }};
  auto log = terminal_log(common);
  SeriesTable series;
  std::optional<ByteFile> truth_file;
  if (a.log) truth_file.emplace(*a.log);
  std::vector<std::unique_ptr<ByteFile>> files;
  std::vector<std::unique_ptr<session::Twin>> twins;
  std::uint32_t running = a.count;
  bool broken = false;

  for (std::uint32_t i = 0; i < a.count; ++i) {
    session::Twin::Setup setup;
    setup.plugin = &plugin;
    setup.session.device = a.count == 1 ? plugin.name : fmt::format("{}_{}", plugin.name, i + 1);
    setup.session.options = reading.value;
    setup.session.index = i;
    setup.start_ns = a.start_ns.value_or(clock.wall_ns());
    setup.speed = a.speed.value_or(to_file ? 0 : 1);
    const runtime::Logger logger{log, "simulate." + setup.session.device};
    if (to_file) {
      auto* file = files.emplace_back(std::make_unique<ByteFile>(place_of(place, i))).get();
      setup.write = [file, &broken, &loop](Bytes bytes) {
        const bool ok = file->write({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
        if (!ok) {
          if (!std::exchange(broken, true))
            std::fprintf(stderr, "mesura simulate: error[sim-io]: the output can't be written: %s\n",
                         std::strerror(errno));
          loop.stop();
        }
        return ok;
      };
    } else {
      if (setup.speed == 0) throw Usage("--speed max goes with --output: a link has a speed of its own");
      // Where it really is: a free port that was taken once is kept when the link is dropped and served again.
      auto where = std::make_shared<Place>(Place{place.kind, place_of(place, i)});
      setup.serve = [where, context = transport::Context{loop, logger}] { return serve(*where, context); };
      setup.opened = [where, said = false](const std::string& description) mutable {
        if (where->kind == "tcp_listen") where->value = description.substr(description.rfind(' ') + 1);
        if (!std::exchange(said, true)) std::printf("serving %s\n", description.c_str());
        std::fflush(stdout);
      };
    }
    if (truth_file) {
      setup.truth = [&series, &truth_file, &broken, &loop, lines = std::string{}](const Batch& batch) mutable {
        lines.clear();
        model::append_json_lines(lines, series, batch);
        if (!truth_file->write(lines) && !std::exchange(broken, true)) {
          std::fprintf(stderr, "mesura simulate: error[sim-io]: the log can't be written: %s\n", std::strerror(errno));
          loop.stop();
        }
      };
    }
    setup.finished = [&running, &loop] {
      if (--running == 0) loop.stop();
    };
    twins.push_back(std::make_unique<session::Twin>(loop, logger, series, std::move(setup)));
  }
  loop.run();
  const bool failed = broken || std::any_of(twins.begin(), twins.end(), [](const auto& t) { return t->failed(); });
  return failed ? kFailed : kDone;
}

}  // namespace

int simulate(const SimulateOptions& options) {
  Common common = options.common;
  try {
    const Arguments a = parse(options.arguments, common);
    if (a.plugin.empty()) {
      std::fputs(kHelp, a.help ? stdout : stderr);
      if (!a.help) throw Usage("expected a plugin, e.g. `mesura simulate dsmr_p1 --listen tcp:127.0.0.1:2001`");
      return kDone;
    }
    const auto plugins = load_plugins(common, {});
    const plugin::LoadedPlugin* plugin = require_plugin(plugins, a.plugin);
    if (plugin == nullptr) return kUsage;
    if (plugin->descriptor->virtual_device == nullptr || !plugin->virtual_schema)
      throw Usage(fmt::format("plugin '{}' {} has no virtual device", plugin->name, plugin->version));
    if (a.help) {
      std::fputs(kHelp, stdout);
      std::printf("\nOPTIONS of the virtual %s\n%s", a.plugin.c_str(),
                  option_help(plugin->virtual_schema->options).c_str());
      return kDone;
    }
    return simulate_devices(a, common, *plugin);
  } catch (const Usage& e) {
    std::fprintf(stderr, "mesura simulate: error[cli-usage]: %s\n", e.what());
    return kUsage;
  } catch (const session::SessionError& e) {
    std::fprintf(stderr, "mesura simulate: error[sim-failed]: %s\n", e.what());
    return kUsage;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "mesura simulate: error[sim-io]: %s\n", e.what());
    return kFailed;
  }
}

}  // namespace mesura::app
