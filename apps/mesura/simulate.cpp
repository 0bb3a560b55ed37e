// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// mesura simulate PLUGIN: virtual devices on real transports.
#include "setup.hpp"
#include "simulate_arguments.hpp"
#include "simulate_control.hpp"
#include "simulate_places.hpp"
#include "verbs.hpp"

#include "config/reader.hpp"
#include "model/measurement_json.hpp"
#include "runtime/unique_fd.hpp"
#include "session/twin.hpp"
#include "transport/capture.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

namespace mesura::app {

namespace {

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

/// The devices of one run and what they share.
class Simulation {
 public:
  Simulation(SimulateArguments arguments, const Common& common, const plugin::LoadedPlugin& plugin,
             config::Value options)
      : a_(std::move(arguments)),
        plugin_(plugin),
        options_(std::move(options)),
        ports_(take_ports(a_, *plugin.virtual_schema)),
        signals_(loop_, [this](int) { loop_.stop(); }),
        log_(terminal_log(common)),
        control_(loop_, *plugin.virtual_schema, twins_),
        running_(a_.count) {
    if (a_.log) truth_file_.emplace(*a_.log);
  }

  int run() {
    for (std::uint32_t i = 0; i < a_.count; ++i) add(i);
    if (a_.control) control_.start();
    loop_.run();
    const bool failed = broken_ || std::any_of(twins_.begin(), twins_.end(), [](const auto& t) { return t->failed(); });
    twins_.clear();
    return failed ? kFailed : kDone;
  }

 private:
  [[nodiscard]] const SimulatePlace* output() const {
    const auto file = std::find_if(a_.places.begin(), a_.places.end(),
                                   [](const auto& p) { return p.kind == "file" || p.kind == "capture"; });
    return file == a_.places.end() ? nullptr : &*file;
  }

  void add(std::uint32_t index) {
    session::Twin::Setup setup;
    setup.plugin = &plugin_;
    setup.session.device = a_.count == 1 ? plugin_.name : fmt::format("{}_{}", plugin_.name, index + 1);
    setup.session.options = options_;
    setup.session.index = index;
    setup.start_ns = a_.start_ns;
    const SimulatePlace* file = output();
    setup.speed = a_.speed.value_or(file != nullptr ? 0 : 1);
    const runtime::Logger logger{log_, "simulate." + setup.session.device};
    if (file != nullptr) {
      if (a_.places.size() > 1) throw Usage("--output and --capture go alone: a file has no readers");
      const std::string path = index == 0 ? file->value : fmt::format("{}-{}", file->value, index);
      if (file->kind == "capture")
        capture_to(setup, path, logger);
      else
        write_to(setup, path);
    } else {
      if (setup.speed == 0) throw Usage("--speed max goes with --output or --capture: a link has a speed of its own");
      serve_links(setup, index, logger);
    }
    if (truth_file_) setup.truth = [this](const Batch& batch) { write_truth(batch); };
    setup.reply = [this](std::uint64_t id, const session::Reply& reply) { control_.answer(id, reply); };
    setup.finished = [this] {
      if (--running_ == 0) loop_.stop();
    };
    twins_.push_back(std::make_unique<session::Twin>(loop_, logger, series_, std::move(setup)));
  }

  void write_to(session::Twin::Setup& setup, const std::string& path) {
    auto* file = files_.emplace_back(std::make_unique<ByteFile>(path)).get();
    setup.session.links.resize(plugin_.virtual_schema->links.size());
    setup.session.links.front() = {"file", path};
    setup.write = [this, file](Bytes bytes, std::int64_t) {
      const bool ok = file->write({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
      if (!ok) stop_broken("the output");
      return ok;
    };
  }

  void capture_to(session::Twin::Setup& setup, const std::string& path, const runtime::Logger& logger) {
    const ByteFile writable{path};  // tells at once when it is not
    setup.session.links.resize(plugin_.virtual_schema->links.size());
    setup.session.links.front() = {"file", path};
    auto* capture = captures_
                        .emplace_back(std::make_unique<transport::CaptureWriter>(
                            transport::Context{loop_, logger},
                            transport::CaptureWriter::Options{
                                .directory = {}, .name = {}, .keep = {}, .max_bytes = 0, .file = path}))
                        .get();
    setup.write = [this, capture](Bytes bytes, std::int64_t time_ns) {
      capture->bytes(bytes, {.received_ns = time_ns, .offset = 0, .peer = {}, .topic = {}, .status = 0});
      if (capture->lost() > 0) stop_broken("the capture");
      return capture->lost() == 0;
    };
  }

  void serve_links(session::Twin::Setup& setup, std::uint32_t index, const runtime::Logger& logger) {
    // Where it really is: a free port that was taken once is kept when the link is dropped and served again.
    auto links = std::make_shared<std::vector<ServedLink>>(place_links(a_, *plugin_.virtual_schema, ports_, index));
    for (std::size_t i = 0; i < links->size(); ++i) {
      setup.session.links.push_back({(*links)[i].kind, (*links)[i].address()});
      auto& made = setup.serve.emplace_back();
      if ((*links)[i].kind.empty()) continue;
      made = [links, i, context = transport::Context{loop_, logger}] { return serve((*links)[i], context); };
    }
    setup.opened = [links, said = std::vector<bool>(links->size())](LinkId link, const std::string& where) mutable {
      auto& served = (*links)[link];
      if (served.kind == "tcp_listen") served.options.front().second = where.substr(where.rfind(' ') + 1);
      if (said[link]) return;
      said[link] = true;
      std::printf("serving %s\n", where.c_str());
      std::fflush(stdout);
    };
  }

  void write_truth(const Batch& batch) {
    lines_.clear();
    model::append_json_lines(lines_, series_, batch);
    if (!truth_file_->write(lines_)) stop_broken("the log");
  }

  void stop_broken(const char* what) {
    if (!std::exchange(broken_, true))
      std::fprintf(stderr, "mesura simulate: error[sim-io]: %s can't be written: %s\n", what, std::strerror(errno));
    loop_.stop();
  }

  SimulateArguments a_;
  const plugin::LoadedPlugin& plugin_;
  config::Value options_;
  std::map<std::string, std::uint16_t> ports_;
  runtime::SystemClock clock_;
  runtime::EventLoop loop_{clock_};
  Signals signals_;
  std::shared_ptr<runtime::Log> log_;
  SeriesTable series_;
  std::optional<ByteFile> truth_file_;
  std::string lines_;
  std::vector<std::unique_ptr<ByteFile>> files_;
  std::vector<std::unique_ptr<transport::CaptureWriter>> captures_;
  std::vector<std::unique_ptr<session::Twin>> twins_;
  SimulateControl control_;
  std::uint32_t running_;
  bool broken_ = false;
};

int simulate_devices(SimulateArguments a, const Common& common, const plugin::LoadedPlugin& plugin) {
  const auto& schema = *plugin.virtual_schema;
  // The ports of its links are ours to know, the rest is the device's.
  SimulateArguments own = a;
  (void)take_ports(own, schema);
  const auto reading = config::read_pairs(own.device_options, config::object(schema.options));
  if (!reading.ok()) {
    for (const auto& d : reading.diagnostics.list()) std::fputs(config::render_text(d).c_str(), stderr);
    std::fprintf(stderr, "  hint      `mesura simulate %s --help` lists the device's options\n", plugin.name.c_str());
    return kUsage;
  }
  if (a.places.empty()) throw Usage("expected at least one of --listen, --pty, --hid, --output, --capture");
  raise_descriptor_limit();
  return Simulation{std::move(a), common, plugin, reading.value}.run();
}

}  // namespace

int simulate(const SimulateOptions& options) {
  Common common = options.common;
  try {
    const SimulateArguments a = parse_simulate(options.arguments, common);
    if (a.plugin.empty()) {
      std::fputs(kSimulateHelp, a.help ? stdout : stderr);
      if (!a.help) throw Usage("expected a plugin, e.g. `mesura simulate dsmr_p1 --listen tcp:127.0.0.1:2001`");
      return kDone;
    }
    const auto plugins = load_plugins(common, {});
    const plugin::LoadedPlugin* plugin = require_plugin(plugins, a.plugin);
    if (plugin == nullptr) return kUsage;
    if (plugin->descriptor->virtual_device == nullptr || !plugin->virtual_schema)
      throw Usage(fmt::format("plugin '{}' {} has no virtual device", plugin->name, plugin->version));
    if (a.help) {
      std::fputs(kSimulateHelp, stdout);
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
