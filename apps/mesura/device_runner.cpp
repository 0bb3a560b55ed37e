// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "device_runner.hpp"

#include "collector/device_setup.hpp"
#include "command/arguments.hpp"
#include "command/result_reader.hpp"
#include "runtime/json.hpp"
#include "service/system_user.hpp"
#include "session/fleet_names.hpp"

#include <fmt/format.h>
#include <simdjson.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <system_error>
#include <utility>

namespace mesura::app {

namespace {

/// Devices that are asked at the same time.
constexpr std::size_t kAtOnce = 32;
/// A link that has failed by then is given up: the person who waits can try again.
constexpr std::chrono::seconds kLinkPatience{3};
/// A unit of a fleet has to turn up by then.
constexpr std::chrono::seconds kUnitPatience{10};
/// What was called off has to end by then: command::Executor gives it up before.
constexpr std::chrono::minutes kLastPatience{11};
constexpr std::chrono::milliseconds kLook{200};

void release_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

std::string request_json(const DeviceJob& job, bool dry_run, bool confirmed) {
  std::string arguments;
  command::append_json(arguments, *job.command, *job.arguments, false);
  std::string out;
  runtime::JsonWriter json{out};
  json.begin_object().key("device").string(job.target->name).key("command").string(job.command->name);
  json.key("dry_run").boolean(dry_run).key("confirmed").boolean(confirmed).key("arguments").raw(arguments);
  json.end_object();
  return out;
}

}  // namespace

struct DeviceRunner::Work {
  DeviceJob job;
  command::Result result;
  bool started = false;
  bool ended = false;
  session::Device* device = nullptr;  ///< directly
  command::CommandId id = 0;          ///< of what was submitted to it
  std::unique_ptr<service::ControlCall> call;
  runtime::EventLoop::TimerId timer = 0;
  std::int64_t began_ns = 0;
};

DeviceRunner::DeviceRunner(const DeviceTargets& targets, Options options)
    : targets_(targets),
      options_(options),
      signals_(loop_,
               [this](int) {
                 release_signals();  // the next one ends the program at once
                 call_off(command::Status::cancelled, "called off");
               }),
      log_(terminal_log(*options_.common)),
      audit_(command::open_audit_log(targets.state, clock_)),
      user_(service::user_name(::getuid())) {}

DeviceRunner::~DeviceRunner() {
  for (auto& [config, device] : devices_) device->stop();
}

std::vector<command::Result> DeviceRunner::run(const std::vector<DeviceJob>& jobs) {
  const bool writes = std::any_of(jobs.begin(), jobs.end(), [&](const DeviceJob& job) {
    return job.target->opened != nullptr && job.command->danger != config::Danger::read && !options_.dry_run;
  });
  if (writes) prepare_state();
  for (const auto& job : jobs) {
    auto work = std::make_unique<Work>();
    work->job = job;
    work->result.device = job.target->name;
    work->result.command = job.command->name;
    works_.push_back(std::move(work));
  }
  progress_ = std::make_unique<Progress>(options_.progress, works_.size() > 1 ? "devices" : "");
  if (options_.timeout)
    loop_.after(*options_.timeout, [this] {
      call_off(command::Status::timeout,
               fmt::format("not done within {:.1f} s", static_cast<double>(options_.timeout->count()) / 1e9));
    });
  start_more();
  if (ended_ < works_.size()) loop_.run();
  progress_.reset();
  std::vector<command::Result> results;
  for (auto& work : works_) results.push_back(std::move(work->result));
  return results;
}

/// A device that nobody configured has its audit log in the user's own directory.
void DeviceRunner::prepare_state() {
  std::error_code error;
  if (!std::filesystem::create_directories(targets_.state, error) || error) return;  // the log tells why it can't be
  ::chmod(targets_.state.c_str(), targets_.own_state ? 0700 : 0750);
}

void DeviceRunner::start_more() {
  while (next_ < works_.size() && running_ < kAtOnce && !off_) start(*works_[next_++]);
}

void DeviceRunner::start(Work& work) {
  ++running_;
  work.started = true;
  work.began_ns = clock_.steady_ns();
  if (work.job.target->opened == nullptr)
    start_call(work);
  else
    start_direct(work);
}

void DeviceRunner::start_call(Work& work) {
  try {
    work.call = std::make_unique<service::ControlCall>(
        loop_, targets_.socket,
        std::vector<std::string>{"command", request_json(work.job, options_.dry_run, options_.confirmed)},
        service::ControlCall::Callbacks{[this, &work](bool good, std::string_view text) { line(work, good, text); },
                                        [this, &work](bool) { call_end(work); }});
  } catch (const std::system_error& e) {
    loop_.post([this, &work, what = std::string{e.what()}] {
      fail(work, command::Status::failed, fmt::format("{}; nothing was sent", what),
           "the service has just ended: try again");
    });
  }
}

void DeviceRunner::line(Work& work, bool good, std::string_view text) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (!good || parser.parse(text.data(), text.size()).get(object) != simdjson::SUCCESS) {
    // What the service says in words.
    work.result.status = command::Status::failed;
    work.result.message += (work.result.message.empty() ? "" : "; ") + std::string{text};
    return;
  }
  simdjson::dom::element element;
  if (object["result"].get(element) == simdjson::SUCCESS) {
    if (auto result = command::read_result(simdjson::minify(element))) end(work, std::move(*result));
    return;
  }
  std::uint64_t done = 0;
  std::uint64_t total = 0;
  std::string_view stage;
  if (object["progress"].get(object) != simdjson::SUCCESS || object["done"].get(done) != simdjson::SUCCESS ||
      object["total"].get(total) != simdjson::SUCCESS || object["text"].get(stage) != simdjson::SUCCESS)
    return;
  told(work, done, total, stage);
}

void DeviceRunner::call_end(Work& work) {
  if (work.ended) return;
  if (!work.result.message.empty())
    fail(work, command::Status::failed, work.result.message);
  else
    fail(work, command::Status::failed,
         work.job.command->danger == config::Danger::read || options_.dry_run
             ? "the service went away before it answered"
             : "the service went away before it answered; what was sent may have taken effect",
         "its audit log tells what was sent: `mesura audit`");
}

session::Device& DeviceRunner::opened(const config::DeviceConfig& config) {
  auto& device = devices_[&config];
  if (device) return *device;
  const transport::Context context{loop_, runtime::Logger{log_, "device." + config.name}};
  auto setup = collector::device_setup(config, targets_.zone, targets_.plugins, context);
  setup.audit = audit_;
  if (config.fleet)
    setup.fleet = std::make_unique<session::FleetNames>(
        config.fleet->name_template, (targets_.state / "fleets" / (config.name + ".names")).string());
  device = std::make_unique<session::Device>(
      session::Device::Context{loop_, log_, series_, [](const std::shared_ptr<Batch>&, bool) {}}, std::move(setup));
  device->start();
  return *device;
}

void DeviceRunner::start_direct(Work& work) {
  work.device = &opened(*work.job.target->opened);
  if (work.device->is_fleet())
    watch_link(work);
  else
    submit(work);
}

void DeviceRunner::submit(Work& work) {
  command::Request request;
  request.command = work.job.command->name;
  request.arguments = *work.job.arguments;
  request.dry_run = options_.dry_run;
  request.confirmed = options_.confirmed;
  request.origin = {user_, "direct", {}};
  work.id = work.device->submit(
      work.job.target->name, std::move(request), [this, &work](const command::Result& result) { end(work, result); },
      [this, &work](const command::Progress& p) { told(work, p.done, p.total, p.text); });
  watch_link(work);
}

/// Looks now and then whether the device can be reached at all.
void DeviceRunner::watch_link(Work& work) {
  work.timer = loop_.after(kLook, [this, &work] {
    work.timer = 0;
    const auto waited = std::chrono::nanoseconds{clock_.steady_ns() - work.began_ns};
    const auto health = work.device->health();
    const bool unit = work.device->is_fleet();
    if (work.id == 0) {
      if (work.device->members().contains(work.job.target->name)) return submit(work);
      if (waited > kUnitPatience)
        return fail(work, command::Status::unreachable,
                    fmt::format("the unit has not been heard of within {} s; nothing was sent", kUnitPatience.count()),
                    health.error);
    }
    if (!unit && !health.error.empty() && waited > kLinkPatience && health.bytes == 0) {
      const auto id = std::exchange(work.id, 0);
      fail(work, command::Status::unreachable, health.error);
      work.device->cancel(id);
      return;
    }
    watch_link(work);
  });
}

void DeviceRunner::told(Work& work, std::uint64_t done, std::uint64_t total, std::string_view text) {
  if (works_.size() == 1 && !work.ended) progress_->show(text, done, total);
}

void DeviceRunner::fail(Work& work, command::Status status, std::string message, std::string hint) {
  command::Result result = work.result;
  result.status = status;
  result.message = std::move(message);
  result.hint = std::move(hint);
  result.time_ns = clock_.wall_ns();
  end(work, std::move(result));
}

void DeviceRunner::end(Work& work, command::Result result) {
  if (std::exchange(work.ended, true)) return;
  loop_.cancel(std::exchange(work.timer, 0));
  if (off_ && result.status == command::Status::cancelled) {
    result.status = *off_;
    if (*off_ != command::Status::cancelled)
      result.message = off_why_ + (result.wrote ? "; what was sent may have taken effect" : "");
  }
  // The link's own words: who holds the port, which host is not there.
  if (work.device != nullptr && result.status == command::Status::unreachable)
    if (const auto error = work.device->health().error;
        !error.empty() && result.message.find(error) == std::string::npos)
      result.message += ": " + error;
  work.result = std::move(result);
  if (work.started) --running_;
  ++ended_;
  if (works_.size() > 1) progress_->show("devices", ended_, works_.size());
  if (ended_ == works_.size()) return loop_.stop();
  start_more();
}

void DeviceRunner::call_off(command::Status status, const std::string& why) {
  if (off_) return;
  off_ = status;
  off_why_ = why;
  std::fputs(fmt::format("mesura device: {}; waiting for the end of what has begun (^C ends at once)\n", why).c_str(),
             stderr);
  for (auto& work : works_) {
    if (work->ended) continue;
    if (!work->started || (work->call == nullptr && work->id == 0))
      fail(*work, status, why + "; nothing was sent");
    else if (work->call != nullptr)
      work->call->call_off();
    else
      work->device->cancel(work->id);
  }
  loop_.after(kLastPatience, [this] {
    for (auto& work : works_)
      if (!work->ended)
        fail(*work, *off_, off_why_ + ", but how it ended was not told; what was sent may have taken effect");
  });
}

}  // namespace mesura::app
