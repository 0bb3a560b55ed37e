// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "command/executor.hpp"

#include "config/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace mesura::command {

namespace {

/// Waiting commands of one device.
constexpr std::size_t kMostWaiting = 32;
/// So long a command waits for the device's link.
constexpr std::chrono::nanoseconds kPatience = std::chrono::seconds{15};
/// So long a command that was told to end may show no sign of life.
constexpr std::chrono::nanoseconds kSignOfLife = std::chrono::minutes{1};
constexpr std::chrono::nanoseconds kLongestEnd = std::chrono::minutes{10};

Status status_of(mesura_reply_status status) {
  switch (status) {
    case MESURA_REPLY_DONE: return Status::done;
    case MESURA_REPLY_REFUSED: return Status::refused;
    case MESURA_REPLY_TIMEOUT: return Status::timeout;
    case MESURA_REPLY_MISMATCH: return Status::mismatch;
    case MESURA_REPLY_PLAN: return Status::plan;
    case MESURA_REPLY_INVALID: return Status::invalid;
    case MESURA_REPLY_UNREACHABLE: return Status::unreachable;
    case MESURA_REPLY_UNVERIFIED: return Status::unverified;
  }
  return Status::failed;
}

std::string seconds_text(std::chrono::nanoseconds time) {
  return fmt::format("{:.1f} s", static_cast<double>(time.count()) / 1e9);
}

}  // namespace

Executor::Executor(Parts parts) : parts_(std::move(parts)) {}

Executor::~Executor() {
  *alive_ = false;
  for (auto& [device, line] : lines_)
    for (auto& job : line) parts_.loop.cancel(job->timer);
}

CommandId Executor::submit(const std::string& device, Request request, OnResult on_result, OnProgress on_progress) {
  auto job = std::make_unique<Job>();
  job->id = next_id_++;
  job->device = device;
  job->request = std::move(request);
  job->on_result = std::move(on_result);
  job->on_progress = std::move(on_progress);
  job->result.device = device;
  job->result.command = job->request.command;
  const auto& commands = parts_.schema.commands;
  const auto known = std::find_if(commands.begin(), commands.end(),
                                  [&](const config::CommandSpec& c) { return c.name == job->request.command; });
  if (known != commands.end()) job->command = &*known;
  const CommandId id = job->id;
  if (auto objected = objection(*job)) {
    job->result.status = objected->status;
    job->result.message = std::move(objected->message);
    job->result.hint = std::move(objected->hint);
    post_result(std::move(job));
    return id;
  }
  auto& line = lines_[device];
  line.push_back(std::move(job));
  Job& waiting = *line.back();
  // Its own time begins with its turn; a device that is away must not keep people waiting as long.
  if (!ready_)
    waiting.timer = parts_.loop.after(kPatience, [this, &waiting] {
      waiting.timer = 0;
      finish(waiting, Status::unreachable,
             fmt::format("no connection within {}; nothing was sent", seconds_text(kPatience)),
             "`mesura status` tells what its link does, `mesura doctor` why");
    });
  // Later: a result must not come before the id is known.
  parts_.loop.post([this, alive = alive_, device] {
    if (*alive) next(device);
  });
  return id;
}

std::optional<Result> Executor::objection(const Job& job) const {
  Result result;
  const auto object = [&](Status status, std::string message, std::string hint) {
    result.status = status;
    result.message = std::move(message);
    result.hint = std::move(hint);
    return result;
  };
  if (job.command == nullptr) {
    std::vector<std::string> names;
    for (const auto& c : parts_.schema.commands) names.push_back(c.name);
    if (names.empty())
      return object(Status::unknown, fmt::format("devices of plugin '{}' take no commands", parts_.schema.name), {});
    std::string hint = config::did_you_mean(job.request.command, names);
    return object(Status::unknown,
                  fmt::format("plugin '{}' has no command {}", parts_.schema.name, config::quote(job.request.command)),
                  hint.empty() ? fmt::format("`mesura device {}` lists them", job.device) : hint);
  }
  const auto danger = job.command->danger;
  if (danger != config::Danger::read && !job.request.dry_run) {
    if (parts_.control == Control::off)
      return object(Status::forbidden, "the device is configured read-only; nothing was sent",
                    fmt::format("set `control: true` at device '{}' to allow it", job.device));
    if (danger == config::Danger::raw && parts_.control != Control::raw)
      return object(Status::forbidden, "bytes as typed are not allowed; nothing was sent",
                    fmt::format("set `control: raw` at device '{}' to allow it", job.device));
    if (danger >= config::Danger::dangerous && !job.request.confirmed)
      return object(Status::unconfirmed,
                    fmt::format("nothing was sent: {}",
                                job.command->warning.empty() ? "the command is dangerous" : job.command->warning),
                    "confirm it by the device's name, or with --yes");
  }
  const auto line = lines_.find(job.device);
  if (line != lines_.end() && line->second.size() >= kMostWaiting)
    return object(Status::busy, fmt::format("{} commands wait for the device already", kMostWaiting),
                  "try again later");
  return std::nullopt;
}

void Executor::set_ready(bool ready) {
  if (std::exchange(ready_, ready) == ready || !ready) return;
  std::vector<std::string> devices;
  for (const auto& [device, line] : lines_) devices.push_back(device);
  for (const auto& device : devices) next(device);
}

/// Begins the first command of the line if it is its turn.
void Executor::next(const std::string& device) {
  const auto line = lines_.find(device);
  if (line == lines_.end() || !ready_) return;
  Job& job = *line->second.front();
  if (job.began_ns >= 0) return;
  parts_.loop.cancel(std::exchange(job.timer, 0));
  const auto now = parts_.loop.clock().steady_ns();
  if (!job.request.dry_run && job.command->spacing.count() > 0) {
    // Settings live in memory that wears out.
    const auto last = last_write_.find(fmt::format("{} {}", device, job.command->name));
    if (last != last_write_.end() && now - last->second < job.command->spacing.count()) {
      const auto rest = std::chrono::nanoseconds{last->second + job.command->spacing.count() - now};
      job.timer = parts_.loop.after(rest, [this, alive = alive_, device, &job] {
        job.timer = 0;
        next(device);
      });
      return;
    }
  }
  start(job);
}

void Executor::start(Job& job) {
  job.began_ns = parts_.loop.clock().steady_ns();
  job.timer = parts_.loop.after(job.command->timeout, [this, &job] {
    job.timer = 0;
    tell_to_end(job, Status::timeout);
  });
  parts_.begin(job.id, job.device, *job.command, job.request.arguments, job.request.dry_run);
}

void Executor::tell_to_end(Job& job, Status why) {
  if (job.ending) return;
  job.ending = why;
  job.ending_ns = parts_.loop.clock().steady_ns();
  parts_.loop.cancel(std::exchange(job.timer, 0));
  watch_end(job);
  parts_.cancel(job.id);  // it may reply, and be gone, within
}

void Executor::watch_end(Job& job) {
  parts_.loop.cancel(job.timer);
  const auto left = kLongestEnd.count() - (parts_.loop.clock().steady_ns() - job.ending_ns);
  const auto wait = std::max(std::chrono::nanoseconds{0}, std::min(kSignOfLife, std::chrono::nanoseconds{left}));
  job.timer = parts_.loop.after(wait, [this, &job] {
    job.timer = 0;
    finish(job, *job.ending, end_text(job, {}));
  });
}

std::string Executor::end_text(const Job& job, std::string_view what) const {
  std::string text = *job.ending == Status::timeout
                         ? fmt::format("not done within {}", seconds_text(job.command->timeout))
                         : std::string{"called off"};
  if (!what.empty()) return fmt::format("{}; {}", text, what);
  return job.result.wrote ? text + "; what was sent may have taken effect" : text;
}

Executor::Job* Executor::find(CommandId id) {
  for (auto& [device, line] : lines_)
    for (auto& job : line)
      if (job->id == id) return job.get();
  return nullptr;
}

Executor::Job* Executor::running(CommandId id) {
  Job* job = find(id);
  return job != nullptr && job->began_ns >= 0 ? job : nullptr;
}

void Executor::cancel(CommandId id) {
  Job* job = find(id);
  if (job == nullptr) return;
  if (job->began_ns >= 0)
    tell_to_end(*job, Status::cancelled);
  else
    finish(*job, Status::cancelled, "called off before its turn");
}

void Executor::end_all(Status status, std::string_view message) {
  std::vector<CommandId> ids;
  for (const auto& [device, line] : lines_)
    for (const auto& job : line) ids.push_back(job->id);
  for (const CommandId id : ids)
    if (Job* job = find(id)) finish(*job, status, std::string{message});
}

bool Executor::send_for(CommandId id, LinkId link, Bytes bytes, std::string_view to) {
  Job* job = running(id);
  if (job == nullptr) return false;
  const std::string_view text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  const auto& links = parts_.schema.links;
  const std::string link_name = link < links.size() ? links[link].name : std::string{};
  if (job->request.dry_run) {
    job->result.plan.push_back({link_name, std::string{to}, std::string{text}});
    return true;
  }
  if (job->command->danger == config::Danger::read) {
    parts_.log.error("cmd-read", "plugin '{}': command '{}' says that it changes nothing, and wants to; not sent",
                     parts_.schema.name, job->command->name);
    return false;
  }
  const auto now = parts_.loop.clock().wall_ns();
  const AuditLog::Entry entry{id, job->device, *job->command, job->request.arguments, job->request.origin};
  job->unaudited = parts_.audit ? parts_.audit->write(entry, now, link_name, to, text) : "there is no audit log here";
  if (!job->unaudited.empty()) {
    parts_.log.error("cmd-audit", "{}; nothing is sent for command '{}'", job->unaudited, job->command->name);
    return false;
  }
  job->result.wrote = true;
  if (job->ending) watch_end(*job);
  last_write_[fmt::format("{} {}", job->device, job->command->name)] = parts_.loop.clock().steady_ns();
  return parts_.send(link, bytes, to);
}

void Executor::progress(CommandId id, std::uint64_t done, std::uint64_t total, std::string_view text) {
  Job* job = running(id);
  if (job == nullptr) return;
  if (job->ending) watch_end(*job);
  if (job->on_progress) job->on_progress(Progress{done, total, text});
}

void Executor::reply(CommandId id, mesura_reply_status status, std::string_view message, std::string_view json,
                     Bytes bytes) {
  Job* job = running(id);
  if (job == nullptr) return;
  job->result.json = json;
  job->result.bytes.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!job->unaudited.empty())
    return finish(*job, Status::unaudited, fmt::format("{}; nothing was sent", job->unaudited),
                  "make the state directory writable");
  // What came to its end all the same, was done.
  if (job->ending && !good(status_of(status))) {
    constexpr std::string_view kCalledOff = "called off";
    if (message.starts_with(kCalledOff)) message.remove_prefix(std::min(message.size(), kCalledOff.size() + 2));
    // The session knows better than we do what has become of it, if it says so.
    return finish(*job, *job->ending, end_text(*job, message));
  }
  finish(*job, status_of(status), std::string{message});
}

void Executor::finish(Job& job, Status status, std::string message, std::string hint) {
  const auto line = lines_.find(job.device);
  const auto place =
      std::find_if(line->second.begin(), line->second.end(), [&](const auto& j) { return j.get() == &job; });
  auto ended = std::move(*place);
  line->second.erase(place);
  const std::string device = ended->device;
  if (line->second.empty()) {
    lines_.erase(line);
  } else {
    parts_.loop.post([this, alive = alive_, device] {
      if (*alive) next(device);
    });
  }
  parts_.loop.cancel(std::exchange(ended->timer, 0));
  auto& result = ended->result;
  result.status = status;
  result.message = std::move(message);
  result.hint = std::move(hint);
  const auto steady = parts_.loop.clock().steady_ns();
  if (ended->began_ns >= 0) result.duration_ns = steady - ended->began_ns;
  result.time_ns = parts_.loop.clock().wall_ns();
  if (result.wrote) {
    // What was written counts from its end: the device has just stored it.
    last_write_[fmt::format("{} {}", device, ended->command->name)] = steady;
    const AuditLog::Entry entry{ended->id, device, *ended->command, ended->request.arguments, ended->request.origin};
    if (const std::string problem = parts_.audit->result(entry, result); !problem.empty())
      parts_.log.error("cmd-audit", "{}; the result of command '{}' is not in the audit log: {}", problem,
                       ended->command->name, to_string(status));
    parts_.log.info("cmd-write", "{}: {} by {} ({}): {}{}{}", device, ended->command->name,
                    ended->request.origin.who.empty() ? "somebody" : ended->request.origin.who,
                    ended->request.origin.via, to_string(status), result.message.empty() ? "" : ": ", result.message);
  }
  post_result(std::move(ended));
}

/// Later: the callee may submit, or destroy us. It is told even when we are gone by then: somebody waits.
void Executor::post_result(std::unique_ptr<Job> job) {
  if (job->result.time_ns == 0) job->result.time_ns = parts_.loop.clock().wall_ns();
  parts_.loop.post([job = std::shared_ptr<Job>(std::move(job))] {
    if (job->on_result) job->on_result(job->result);
  });
}

}  // namespace mesura::command
