// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// mesura run: the collector as a service.
#include "setup.hpp"
#include "verbs.hpp"

#include "collector/collector.hpp"
#include "config/text.hpp"
#include "http/options.hpp"
#include "runtime/time_text.hpp"
#include "service/command_door.hpp"
#include "service/control.hpp"
#include "service/http_service.hpp"
#include "service/notify.hpp"
#include "service/requests.hpp"
#include "service/state_directory.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string>
#include <utility>

namespace mesura::app {

namespace {

/// A stop takes at most 5 s; what is beyond the sinks' share is for closing devices and files.
constexpr std::chrono::seconds kStopGrace{4};
/// Of it, for requests at work.
constexpr std::chrono::milliseconds kHttpGrace{500};

runtime::LogFormat log_format(const std::string& word) {
  if (word == "json") return runtime::LogFormat::json;
  if (word == "journald") return runtime::LogFormat::journald;
  if (word == "auto" && std::getenv("JOURNAL_STREAM") != nullptr) return runtime::LogFormat::journald;
  return runtime::LogFormat::text;
}

class Service {
 public:
  Service(const Common& common, Loaded loaded)
      : common_(common),
        loaded_(std::move(loaded)),
        configuration_(std::move(*loaded_.configuration)),
        log_(std::make_shared<runtime::Log>()),
        logger_(log_, "core"),
        signals_(loop_, [this](int signal) { on_signal(signal); }) {}

  int run() {
    open_log();
    std::unique_ptr<service::StateDirectory> state;
    std::unique_ptr<service::ControlServer> control;
    try {
      state = std::make_unique<service::StateDirectory>(configuration_.state);
      control = std::make_unique<service::ControlServer>(
          loop_, logger_, service::control_socket(configuration_.state),
          [this](const std::vector<std::string>& words, const std::shared_ptr<service::Reply>& reply) {
            requests_.handle(words, reply);
          });
    } catch (const std::exception& e) {
      logger_.error("run-state", "{}", e.what());
      return kFailed;
    }
    started_ns_ = clock_.wall_ns();
    logger_.info("run-start", "mesura {} starts: {} devices, {} sinks, configuration {}", MESURA_VERSION,
                 configuration_.devices.size(), configuration_.sinks.size(), loaded_.file);
    for (const auto& refused : loaded_.plugins.refused())
      logger_.warn(refused.code, "{}: {}; {}", refused.path.string(), refused.reason, refused.remedy);
    try {
      http_.prepare(configuration_);
    } catch (const http::ListenError& e) {
      logger_.error("http", "{}", e.what());
      return kFailed;
    }
    collector_.apply(configuration_);
    http_.commit(configuration_);
    command_door_.apply(configuration_);
    service::notify("READY=1");
    feed_watchdog();

    loop_.run();

    service::notify("STOPPING=1");
    logger_.info("run-stop", "stopping");
    control.reset();
    command_door_.stop();
    http_.stop(kHttpGrace);
    const bool complete = collector_.stop(kStopGrace);
    logger_.info("run-end", "stopped{}", complete ? "" : "; not everything that was measured could be written");
    // A sink that hangs has left its thread behind, which still uses what would now be destroyed.
    if (!complete || collector_.left_behind()) ::_exit(complete ? kDone : kPartial);
    return kDone;
  }

 private:
  void open_log() {
    const auto& c = configuration_.log;
    if (c.file.empty())
      log_->add_output(runtime::log_to_fd(STDERR_FILENO, log_format(c.format)));
    else
      log_->add_output(
          runtime::log_to_file(c.file, log_format(c.format), static_cast<std::uint64_t>(c.max_bytes), c.keep));
    set_levels();
  }

  void set_levels() {
    default_level({});
    for (const auto& device : configuration_.devices) default_level(device.name);
  }

  /// What the configuration and the command line say, for everything or one device.
  void default_level(const std::string& device) {
    const auto& c = configuration_.log;
    if (device.empty()) {
      auto level = runtime::parse_level(c.level).value_or(runtime::Level::info);
      if (common_.verbose == 1) level = std::max(level, runtime::Level::debug);
      if (common_.verbose > 1) level = runtime::Level::trace;
      log_->set_level(level);
      return;
    }
    std::optional<runtime::Level> level;
    if (const auto configured = c.devices.find(device); configured != c.devices.end())
      level = runtime::parse_level(configured->second);
    if (std::find(common_.trace.begin(), common_.trace.end(), device) != common_.trace.end())
      level = runtime::Level::trace;
    log_->set_level("device." + device, level);
  }

  void on_signal(int signal) {
    if (signal == SIGHUP) {
      (void)reload();  // the log has said what was wrong
      return;
    }
    // The next one ends the process at once, wherever it is.
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
    loop_.stop();
  }

  /// Empty when the new configuration is in force; otherwise what is wrong with it, and the old one goes on.
  std::string reload() {
    service::notify(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", clock_.steady_ns() / 1000));
    auto result = config::load_configuration(loaded_.file, loaded_.catalog);
    std::string wrong;
    for (const auto& d : result.diagnostics.list()) {
      const std::string text = config::render_text(d);
      if (d.severity == config::Severity::error) {
        wrong += text;
        logger_.error("run-reload", "{}", text);
      } else {
        logger_.warn("run-reload", "{}", text);
      }
    }
    if (result.configuration) wrong += unchangeable(*result.configuration);
    if (wrong.empty() && result.configuration) wrong += unbindable(*result.configuration);
    if (!wrong.empty() || !result.configuration) {
      logger_.error("run-reload", "reload refused, the old configuration goes on");
    } else {
      configuration_ = std::move(*result.configuration);
      set_levels();
      const bool complete = collector_.apply(configuration_);
      http_.commit(configuration_);
      command_door_.apply(configuration_);
      if (!complete)
        wrong =
            "mesura: error[run-reload]: the new configuration is in force, but a sink that was replaced lost what it "
            "still held\n"
            "  hint      the log tells which and how much\n";
      logger_.info("run-reload", "the new configuration is in force");
    }
    service::notify("READY=1");
    return wrong;
  }

  /// What a new configuration asks for and only a restart can give; empty: nothing.
  std::string unchangeable(const config::Configuration& next) const {
    const auto list = [](const std::vector<std::string>& paths) { return config::joined(paths); };
    std::string wrong;
    const auto compare = [&](const char* key, const std::string& now, const std::string& wanted) {
      if (now == wanted) return;
      const auto text = fmt::format(
          "{}: error[run-restart]: `{}` can't change while the service runs\n  expected  {}\n  got       {}\n  hint    "
          "  restart it\n",
          loaded_.file, key, now.empty() ? "(none)" : now, wanted.empty() ? "(none)" : wanted);
      logger_.error("run-reload", "{}", text);
      wrong += text;
    };
    compare("state", configuration_.state, next.state);
    compare("log.file", configuration_.log.file, next.log.file);
    compare("log.format", configuration_.log.format, next.log.format);
    compare("plugin_path", list(configuration_.plugin_path), list(next.plugin_path));
    return wrong;
  }

  /// What keeps the new listeners from being had; empty: they are bound.
  std::string unbindable(const config::Configuration& next) {
    try {
      http_.prepare(next);
    } catch (const http::ListenError& e) {
      logger_.error("run-reload", "{}", e.what());
      return fmt::format("{}: error[{}]: {}\n", loaded_.file, e.code(),
                         std::string_view{e.what()}.substr(e.code().size() + 2));
    }
    return {};
  }

  void feed_watchdog() {
    if (const auto interval = service::watchdog_interval()) {
      service::notify("WATCHDOG=1");
      loop_.after(*interval, [this] { feed_watchdog(); });
    }
  }

  service::ServiceFacts facts() const {
    return {MESURA_VERSION, loaded_.file, configuration_.state, ::getpid(), started_ns_, clock_.wall_ns()};
  }

  const Common& common_;
  Loaded loaded_;
  config::Configuration configuration_;
  runtime::SystemClock clock_;
  runtime::EventLoop loop_{clock_};
  std::shared_ptr<runtime::Log> log_;
  runtime::Logger logger_;
  Signals signals_;
  collector::Collector collector_{loop_, log_, loaded_.plugins};
  service::Requests requests_{{collector_, log_, [this] { return facts(); }, [this] { return reload(); },
                               [this](const std::string& device) { default_level(device); }}};
  std::int64_t started_ns_ = 0;
  service::CommandDoor command_door_{loop_, log_, collector_};
  service::HttpService http_{{loop_, log_, collector_, loaded_.catalog, [this] { return facts(); }}};
};

}  // namespace

int run(const RunOptions& options) {
  block_signals();  // before anything else: a signal that comes while we start is not lost and does not kill half a
                    // service
  auto loaded = load_configuration(options.common);
  if (!loaded) return kUsage;
  print_diagnostics(loaded->diagnostics);
  if (!loaded->configuration) return kUsage;
  Service service{options.common, std::move(*loaded)};
  return service.run();
}

}  // namespace mesura::app
