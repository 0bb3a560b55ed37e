// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// How commands take turns with whatever else is said on a connection. What each does: command_*.cpp.
#include "commands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace mesura::smartmeter {
namespace {

constexpr std::int64_t kTurnPatience = 30'000'000'000;
constexpr std::size_t kLongestLine = 599;  // the device cuts the rest off

/// Where the firmware overwrites the text that it echoes.
bool may_be_garbled(std::string_view word) {
  return word == "calibration" || word == "dailyRestart" || word == "ade9k";
}

bool is_known_word(std::string_view word) {
  constexpr std::array<std::string_view, 30> kWords = {
      "info",       "sample",       "stop",         "cts",         "reqSamples",    "getPower",
      "getVoltage", "getCurrent",   "getEnergy",    "getPeriod",   "getPhaseAngle", "mdns",
      "mqttServer", "streamServer", "timeServer",   "addWifi",     "delWifi",       "ntp",
      "log",        "getLog",       "clearLog",     "calibration", "resetEnergy",   "dailyRestart",
      "ade9k",      "restart",      "factoryReset", "basicReset",  "switch",        "publishInterval"};
  return std::find(kWords.begin(), kWords.end(), word) != kWords.end();
}

}  // namespace

Arguments::Arguments(const Options& options, std::span<const std::string_view> names) {
  for (const std::string_view name : names)
    if (const mesura_option* o = options.find(name); o != nullptr)
      values_.emplace(std::string{name}, Value{std::string{abi::view(o->text)}, o->integer, options.number(name)});
}

std::string Arguments::text(std::string_view name, std::string_view fallback) const {
  const auto found = values_.find(name);
  return found != values_.end() ? found->second.text : std::string{fallback};
}

std::int64_t Arguments::integer(std::string_view name, std::int64_t fallback) const {
  const auto found = values_.find(name);
  return found != values_.end() ? found->second.integer : fallback;
}

double Arguments::number(std::string_view name, double fallback) const {
  const auto found = values_.find(name);
  return found != values_.end() ? found->second.number : fallback;
}

// ---------------------------------------------------------------- a job

namespace {

/// Of all commands together; the schema says which has which.
constexpr std::array<std::string_view, 40> kArgumentNames = {
    "pause",    "rate",         "measures",  "at",       "rows",    "duration",
    "slot",     "flow_control", "type",      "port",     "prefix",  "ntp_confidence",
    "state",    "count",        "level",     "name",     "server",  "user",
    "password", "ssid",         "connected", "bg",       "v1",      "i1",
    "v2",       "i2",           "v3",        "i3",       "l1",      "l2",
    "l3",       "ts",           "time",      "interval", "address", "size",
    "value",    "line",         "wait",      "off"};

}  // namespace

Job::Job(Services& services, const Command& command, std::int64_t now_ns)
    : services_(services),
      id_(command.id),
      name_(command.name),
      device_(command.device),
      dry_run_(command.dry_run),
      args_(command.arguments, kArgumentNames),
      now_ns_(now_ns) {
  due_ns_ = now_ns + kTurnPatience;
}

void Job::queue(std::string_view word, std::string line, Then then, std::int64_t patience, bool writes) {
  if (line.size() > kLongestLine) {
    finish(MESURA_REPLY_INVALID,
           fmt::format("expected a line of at most {} bytes, which is what the device reads; got {}", kLongestLine,
                       line.size()));
    return;
  }
  word_ = word;
  line_ = std::move(line);
  then_ = std::move(then);
  patience_ = patience;
  writes_ = writes;
  frames_ = all_lines_ = false;
  phase_ = Phase::queued;
  due_ns_ = now_ns_ + kTurnPatience;
}

void Job::ask(std::string_view word, std::string line, Then then, std::int64_t patience) {
  queue(word, std::move(line), std::move(then), patience, false);
}

void Job::tell(std::string_view word, std::string line, Then then, std::int64_t patience) {
  queue(word, std::move(line), std::move(then), patience, true);
  if (!dry_run_ || phase_ == Phase::ended) return;
  CommandPort* const way = services_.port(device_);
  if (way == nullptr || !way->tell(id_, line_)) {
    finish(MESURA_REPLY_UNREACHABLE, "there is no connection to the device");
    return;
  }
  finish(MESURA_REPLY_PLAN, plan_note, fmt::format(R"({{"before":{}}})", before));
}

void Job::tell_only(std::string line, std::function<void(Job&)> sent) {
  sent_ = std::move(sent);
  tell("", std::move(line), {});
}

void Job::await(Then then, std::int64_t patience) {
  then_ = std::move(then);
  phase_ = Phase::sent;
  due_ns_ = now_ns_ + patience;
  if (CommandPort* const way = services_.port(device_); way != nullptr) way->set_awaiting(true);
}

void Job::wait(Then then, std::int64_t patience) {
  then_ = std::move(then);
  phase_ = Phase::waiting;
  due_ns_ = now_ns_ + patience;
}

void Job::wait_for_return(Then then, std::int64_t patience, bool away) {
  then_ = std::move(then);
  phase_ = away ? Phase::returning : Phase::leaving;
  due_ns_ = now_ns_ + patience;
}

void Job::listen(bool frames) {
  all_lines_ = true;
  frames_ = frames;
  if (CommandPort* const way = services_.port(device_); way != nullptr && frames) way->watch(true);
}

void Job::send() {
  CommandPort* const way = services_.port(device_);
  if (way == nullptr) {
    deliver({Answer::Kind::unsent});
    return;
  }
  if (!way->is_free()) return;
  sent_ns_ = now_ns_;
  const bool went = writes_ ? way->tell(id_, line_) : way->ask(line_);
  if (phase_ != Phase::queued) return;
  if (!went) {
    deliver({Answer::Kind::unsent});
    return;
  }
  phase_ = Phase::sent;
  due_ns_ = now_ns_ + patience_;
  way->set_awaiting(true);
  if (sent_) std::exchange(sent_, nullptr)(*this);
}

void Job::deliver(const Answer& answer) {
  if (phase_ == Phase::sent)
    if (CommandPort* const way = services_.port(device_); way != nullptr) way->set_awaiting(false);
  const Then then = std::move(then_);
  then_ = nullptr;
  const Phase phase = phase_;
  if (then) then(*this, answer);
  if (phase_ == phase && then_ == nullptr && phase_ != Phase::ended)
    finish(MESURA_REPLY_UNREACHABLE, "the connection ended");
}

/// One line is open at a time: what comes belongs to it unless it plainly answers something else.
bool Job::expects(const JsonObject& reply) const {
  const std::string_view word = reply.text("cmd");
  if (word == word_) return true;
  if (word_ == "getLog" && word == "log") return !reply.has("error");  // the log itself, ahead of the answer
  if (word_ == "info") return word.empty() && reply.has("type") && reply.has("name");
  if (!reply.has("error") && !reply.has("msg")) return false;
  return word.empty() || word_.empty() || (may_be_garbled(word_) && !is_known_word(word));
}

bool Job::is_reply(const Answer& answer) {
  switch (answer.kind) {
    case Answer::Kind::reply: break;
    case Answer::Kind::silent:
      finish(MESURA_REPLY_TIMEOUT,
             fmt::format("expected an answer to {} within {} s, got none", word_, patience_ / 1'000'000'000));
      return false;
    case Answer::Kind::unsent:
      finish(MESURA_REPLY_UNREACHABLE, fmt::format("{} could not be sent", word_));
      return false;
    case Answer::Kind::gone:
      finish(MESURA_REPLY_UNREACHABLE, fmt::format("the connection ended before {} was answered", word_));
      return false;
    default:
      finish(MESURA_REPLY_REFUSED, fmt::format("expected an answer to {}, got '{}'", word_, answer.text.substr(0, 80)));
      return false;
  }
  if (!answer.json->boolean("error").value_or(false)) return true;
  if (answer.json->text("state") == "busy") {
    finish(MESURA_REPLY_REFUSED,
           fmt::format("the device refuses {} while it measures: {}; hint: the command 'stop' ends that measurement, "
                       "whoever began it",
                       word_, answer.json->text("msg")));
    return false;
  }
  if (answer.json->text("msg") == "unknown command") {
    finish(MESURA_REPLY_REFUSED, fmt::format("the device does not know the command '{}'", word_));
    return false;
  }
  return true;
}

void Job::finish(mesura_reply_status status, std::string_view message, std::string_view json, std::string_view bytes) {
  if (phase_ == Phase::ended) return;
  CommandPort* const way = services_.port(device_);
  if (way != nullptr) {
    way->set_awaiting(false);
    way->watch(false);
    if (paused) way->hold(false);
  }
  phase_ = Phase::ended;
  due_ns_ = kNever;
  services_.host.reply(id_, status, message, json,
                       Bytes{reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

// ---------------------------------------------------------------- all of them

void Commands::start(const Command& command, std::int64_t now_ns) {
  sweep();
  if (jobs_.contains(command.device)) {
    services_.host.reply(command.id, MESURA_REPLY_REFUSED, "another command is at work with this device");
    return;
  }
  jobs_.emplace(command.device, std::make_unique<Job>(services_, command, now_ns));
}

void Commands::cancel(std::uint64_t request, std::int64_t now_ns) {
  for (auto& [device, job] : jobs_) {
    if (job->id_ != request || job->phase_ == Job::Phase::ended) continue;
    job->now_ns_ = now_ns;
    CommandPort* const way = services_.port(device);
    if (way != nullptr && job->measures) way->abandon();
    job->finish(MESURA_REPLY_TIMEOUT, "called off");
  }
}

Job* Commands::job_of(DeviceId device, std::int64_t now_ns) {
  const auto found = jobs_.find(device);
  if (found == jobs_.end() || found->second->phase_ == Job::Phase::ended) return nullptr;
  found->second->now_ns_ = now_ns;
  return found->second.get();
}

void Commands::sweep() {
  std::erase_if(jobs_, [](const auto& entry) { return entry.second->phase_ == Job::Phase::ended; });
}

namespace {

void stop_first(Job& job, const Flow& flow) {
  job.port().hold(true);
  job.paused = true;
  job.ask("stop", R"({"cmd":"stop"})", [&flow](Job& j, const Answer& answer) {
    if (j.is_reply(answer)) flow.begin(j);
  });
}

}  // namespace

void Commands::begin(Job& job) {
  const auto all = flows();
  const auto flow = std::find_if(all.begin(), all.end(), [&](const Flow& f) { return f.name == job.name(); });
  if (flow == all.end()) {
    job.finish(MESURA_REPLY_REFUSED, fmt::format("this device has no command '{}'", job.name()));
    return;
  }
  if (!flow->needs_idle || !job.port().is_measuring()) {
    flow->begin(job);
  } else if (!job.args().flag("pause")) {
    job.finish(MESURA_REPLY_INVALID,
               "the device measures for Mesura, and takes this command only while it is idle; hint: with "
               "pause=true the measurement is stopped for it and begun again, or end it with the command 'stop'");
  } else if (job.dry_run()) {
    job.plan_note = "the measurement would be stopped for it and begun again";
    flow->begin(job);
  } else {
    stop_first(job, *flow);
  }
}

void Commands::pump(std::int64_t now_ns) {
  for (auto& [device, job] : jobs_) {
    job->now_ns_ = now_ns;
    if (job->phase_ == Job::Phase::fresh) {
      CommandPort* const way = services_.port(device);
      if (way != nullptr && way->is_free()) {
        begin(*job);
      } else if (way == nullptr) {
        if (const std::string why = services_.absence(device); !why.empty()) job->finish(MESURA_REPLY_UNREACHABLE, why);
      }
    }
    if (job->phase_ == Job::Phase::fresh && now_ns >= job->due_ns_)
      job->finish(MESURA_REPLY_UNREACHABLE, "the device did not say who it is");
    const bool at_work = job->phase_ == Job::Phase::sent || job->phase_ == Job::Phase::waiting;
    if (at_work && services_.port(device) == nullptr) job->deliver({Answer::Kind::gone});
    if (job->phase_ != Job::Phase::ended && now_ns >= job->due_ns_) job->deliver({Answer::Kind::silent});
    if (job->phase_ == Job::Phase::queued) job->send();
  }
  sweep();
}

std::int64_t Commands::due() const {
  std::int64_t due = Job::kNever;
  for (const auto& [device, job] : jobs_) due = std::min(due, job->due_ns_);
  return due;
}

bool Commands::waits(DeviceId device) const {
  const auto found = jobs_.find(device);
  return found != jobs_.end() &&
         (found->second->phase_ == Job::Phase::fresh || found->second->phase_ == Job::Phase::queued);
}

bool Commands::reply(DeviceId device, const JsonObject& json, std::string_view text, std::int64_t now_ns) {
  Job* const job = job_of(device, now_ns);
  if (job == nullptr) return false;
  if (job->all_lines_ && job->phase_ == Job::Phase::waiting) {
    job->deliver({Answer::Kind::reply, &json, text});
    return false;  // the session sees it too
  }
  if (job->phase_ != Job::Phase::sent || !job->expects(json)) return false;
  job->deliver({Answer::Kind::reply, &json, text});
  return true;
}

bool Commands::line(DeviceId device, std::string_view text, std::int64_t now_ns) {
  Job* const job = job_of(device, now_ns);
  if (job == nullptr) return false;
  const bool log_line = text.starts_with('[');
  const bool asked = job->phase_ == Job::Phase::sent && !log_line &&
                     ((job->word_ == "?" && text == "Setup done") || job->word_ == "getLog");
  if (!asked && !(job->all_lines_ && job->phase_ == Job::Phase::waiting)) return false;
  job->deliver({Answer::Kind::text, nullptr, text});
  return asked;
}

void Commands::frame(DeviceId device, std::int64_t rows, std::int64_t now_ns) {
  Job* const job = job_of(device, now_ns);
  if (job == nullptr) return;
  const bool asked = job->phase_ == Job::Phase::sent && job->word_ == "reqSamples";
  if (asked || (job->frames_ && job->phase_ == Job::Phase::waiting))
    job->deliver({Answer::Kind::frame, nullptr, {}, rows});
}

void Commands::greeted(DeviceId device, const JsonObject& info, std::int64_t now_ns) {
  Job* const job = job_of(device, now_ns);
  if (job == nullptr) return;
  if (job->phase_ == Job::Phase::returning || job->phase_ == Job::Phase::leaving)
    job->deliver({Answer::Kind::greeted, &info});
}

void Commands::gone(DeviceId device, std::int64_t now_ns) {
  Job* const job = job_of(device, now_ns);
  if (job == nullptr) return;
  switch (job->phase_) {
    case Job::Phase::leaving: job->phase_ = Job::Phase::returning; break;
    case Job::Phase::returning: break;
    default: job->deliver({Answer::Kind::gone});
  }
}

void Commands::all_gone(std::int64_t now_ns) {
  for (const auto& [device, job] : jobs_) gone(device, now_ns);
}

}  // namespace mesura::smartmeter
