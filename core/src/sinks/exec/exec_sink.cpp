// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/exec/exec_sink.hpp"

#include "model/measurement_json.hpp"
#include "sinks/pipes.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <system_error>
#include <tuple>

namespace mesura::sinks::exec {
namespace {

using namespace std::chrono_literals;

SinkError gone(const std::string& who) { return SinkError("sink-closed: " + who + " is not running"); }

// Rendered ahead of what the pipe takes.
constexpr std::size_t kAhead = 256 * 1024;
// A write that crawls, a line now and then, ends all the same: after so many timeouts.
constexpr int kPatience = 10;
// From a closed pipe to the end of the program whose it was, and to its last words.
constexpr auto kEndSoon = 500ms;
constexpr std::chrono::nanoseconds kGrace = 5s;  // from the end of its stdin to SIGTERM
constexpr auto kTermGrace = 2s;                  // from there to SIGKILL
constexpr std::size_t kReadBytes = 64 * 1024;
constexpr int kLastReads = 16;  // the most that a pipe holds
constexpr int kTryLater = 75;   // EX_TEMPFAIL of sysexits.h

bool finite(const Measurement& m) { return m.type == MESURA_TEXT || std::isfinite(m.number); }

double seconds(std::chrono::nanoseconds d) { return std::chrono::duration<double>(d).count(); }

}  // namespace

ExecSink::ExecSink(Options options, const SeriesTable& series, runtime::Logger log)
    : options_(std::move(options)), series_(series), log_(std::move(log)) {}

ExecSink::~ExecSink() = default;

// Its arguments may hold what is nobody's business.
std::string ExecSink::describe() const {
  return "exec " + (options_.command.argv.empty() ? std::string{} : printable(options_.command.argv.front()));
}

void ExecSink::open() {
  if (child_ && !child_->end()) return;
  drop_child();
  child_ = std::make_unique<Child>(options_.command);
  try {
    errors_ = std::make_unique<LineLog>(log_, "exec-stderr", describe(), child_->take_errors());
    if (!options_.acknowledged)
      output_ = std::make_unique<LineLog>(log_, "exec-stdout", describe(), child_->take_output());
  } catch (const std::system_error& e) {
    drop_child();
    throw SinkError(fmt::format("sink-exec-start: {}: {}", describe(), e.what()));
  }
  if (!options_.acknowledged && !std::exchange(told_weak_, true)) {
    log_.info("exec-unacknowledged",
              "{}: 'acknowledge' is none, so a line counts as stored when the pipe has it; what the program has not "
              "read is lost when it dies",
              describe());
  }
}

void ExecSink::drop_child() {
  child_.reset();
  errors_.reset();
  output_.reset();
  answers_ = {};
  lines_ = sent_ = 0;
  out_.clear();
  taken_ = 0;
}

WriteResult ExecSink::write(std::span<const BatchPtr> batches) {
  if (!child_) return WriteResult::retry(gone(describe()).what());
  Work work;
  work.batches = batches;
  work.first = lines_;
  if (auto reason = run(work)) return give_up(work, std::move(*reason));
  note_rejections(work);
  WriteResult result;
  result.rejected = std::move(work.rejected);
  return result;
}

std::optional<std::string> ExecSink::run(Work& work) {
  const NoSigpipe quiet;
  const auto hopeless = std::chrono::steady_clock::now() + kPatience * options_.timeout;
  auto progress = std::chrono::steady_clock::now();
  for (;;) {
    render(work);
    if (finished(work)) return std::nullopt;
    const auto now = std::chrono::steady_clock::now();
    const auto deadline = std::min(progress + options_.timeout, hopeless);
    if (now >= deadline) return stalled(work, now >= hopeless);

    std::array<pollfd, 3> wait{{{taken_ < out_.size() ? child_->input() : -1, POLLOUT, 0},
                                {child_->output(), POLLIN, 0},
                                {child_->process(), POLLIN, 0}}};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now).count();
    ::poll(wait.data(), wait.size(), static_cast<int>(std::min<decltype(left)>(left, 60'000)));
    const auto before = std::pair{sent_ + taken_, answers_.count()};
    // Its answers first: what it dealt with before its end counts.
    if (wait[1].revents != 0) {
      if (auto reason = listen()) return reason;
    }
    if (finished(work)) return std::nullopt;
    if (wait[2].revents != 0 && wait[1].revents == 0) return ended("");
    if (wait[0].revents != 0) {
      if (auto reason = feed()) return reason;
    }
    if (std::pair{sent_ + taken_, answers_.count()} != before) progress = std::chrono::steady_clock::now();
  }
}

// So much that the pipe does not run dry: a second of a large fleet is 10 MB of text, which nobody needs at once.
void ExecSink::render(Work& work) {
  if (work.next == work.batches.size() || out_.size() - taken_ >= kAhead / 2) return;
  out_.erase(0, taken_);
  taken_ = 0;
  for (; work.next < work.batches.size() && out_.size() < kAhead; ++work.next) {
    const Batch& batch = *work.batches[work.next];
    const auto b = static_cast<std::uint32_t>(work.next);
    const auto before = work.lines.size();
    if (batch.waveform) {
      model::append_json_lines(out_, series_, batch, model::Samples::with);
      work.lines.push_back({b, 0});
    } else if (std::all_of(batch.items.begin(), batch.items.end(), finite)) {
      model::append_json_lines(out_, series_, batch);
      for (std::uint32_t i = 0; i < batch.items.size(); ++i) work.lines.push_back({b, i});
    } else {
      for (std::uint32_t i = 0; i < batch.items.size(); ++i) {
        const SeriesInfo& info = series_.at(batch.items[i].series);
        if (!finite(batch.items[i])) {
          work.rejected.push_back({b, i, fmt::format("sink-value: {} is not a finite number", info.name())});
          continue;
        }
        model::append_json(out_, info, batch, batch.items[i]);
        out_ += '\n';
        work.lines.push_back({b, i});
      }
    }
    lines_ += work.lines.size() - before;
    work.ends.push_back(work.lines.size());
  }
}

std::size_t ExecSink::answered(const Work& work) const {
  return (options_.acknowledged ? answers_.count() : sent_) - work.first;
}

bool ExecSink::finished(const Work& work) const {
  return work.next == work.batches.size() && answered(work) == work.lines.size();
}

std::optional<std::string> ExecSink::feed() {
  const ssize_t n = ::write(child_->input(), out_.data() + taken_, out_.size() - taken_);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
  if (n < 0 && errno == EPIPE) return ended("closed its stdin");
  if (n < 0) return fmt::format("sink-io: writing to {}: {}", describe(), std::generic_category().message(errno));
  const std::size_t end = taken_ + static_cast<std::size_t>(n);
  // By find(), which is memchr(): a line is long, and counting its bytes cost as much as rendering it.
  for (auto at = out_.find('\n', taken_); at < end; at = out_.find('\n', at + 1)) ++sent_;
  taken_ = end;
  return std::nullopt;
}

// One read: a program that floods us gets no more of our time than one that does not.
std::optional<std::string> ExecSink::listen() {
  std::array<char, kReadBytes> buffer;
  const ssize_t n = ::read(child_->output(), buffer.data(), buffer.size());
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
  if (n < 0) return fmt::format("sink-io: reading from {}: {}", describe(), std::generic_category().message(errno));
  if (n == 0) return ended("closed its stdout");
  if (const auto wrong = answers_.push({buffer.data(), static_cast<std::size_t>(n)}, sent_))
    return fmt::format(
        "sink-exec-answer: {} does not answer as agreed\n  {}\n  hint      its stdout is for answers only; what it has "
        "to say goes to stderr, or give the sink 'acknowledge: none'",
        describe(), *wrong);
  return std::nullopt;
}

// Why a pipe is at its end: mostly because the program is.
std::string ExecSink::ended(std::string_view otherwise) {
  (void)child_->wait(std::chrono::steady_clock::now() + kEndSoon);
  const auto end = child_->end();
  hear_out();
  std::string reason =
      end ? fmt::format("{}: {} ended with {}", end->status == kTryLater ? "sink-busy" : "sink-exec-ended", describe(),
                        end->text)
          : fmt::format("sink-exec-closed: {} {}", describe(), otherwise);
  if (options_.acknowledged) reason += fmt::format(", {} of {} lines acknowledged", answers_.count(), sent_);
  if (end) (void)errors_->wait_end(std::chrono::steady_clock::now() + kEndSoon);
  if (const std::string last = errors_->last(); !last.empty()) reason += "; its last words: " + last;
  return reason;
}

// The answers that still lie in the pipe: what it dealt with before its end counts.
void ExecSink::hear_out() {
  std::array<char, kReadBytes> buffer;
  for (int i = 0; options_.acknowledged && i < kLastReads; ++i) {
    const ssize_t n = ::read(child_->output(), buffer.data(), buffer.size());
    if (n <= 0 || answers_.push({buffer.data(), static_cast<std::size_t>(n)}, sent_)) return;
  }
}

std::string ExecSink::stalled(const Work& work, bool hopeless) const {
  if (hopeless)
    return fmt::format("sink-exec-slow: {} dealt with {} of {} lines in {} s, and was ended", describe(),
                       answered(work), work.lines.size(), seconds(kPatience * options_.timeout));
  const bool full = taken_ < out_.size();
  return fmt::format("sink-exec-timeout: {} {} for {} s, and was ended\n  expected  {}\n  got       {} of {} lines",
                     describe(), full ? "did not read" : "did not answer", seconds(options_.timeout),
                     full ? "a program that reads its stdin" : "the number of lines dealt with, on its stdout, flushed",
                     answers_.count(), sent_);
}

// What it may still do with lines that it has got is a repeat for whoever comes next.
WriteResult ExecSink::give_up(Work& work, std::string reason) {
  WriteResult result = WriteResult::retry(std::move(reason));
  note_rejections(work);
  const std::size_t safe = answered(work);
  for (std::size_t b = 0; b < work.ends.size() && work.ends[b] <= safe; ++b) result.done.push_back(b);
  std::erase_if(work.rejected, [&](const Rejected& r) { return r.batch >= result.done.size(); });
  result.rejected = std::move(work.rejected);
  drop_child();
  return result;
}

void ExecSink::note_rejections(Work& work) {
  for (auto& rejection : answers_.take_rejections()) {
    const Origin origin = work.lines[rejection.line - work.first - 1];
    work.rejected.push_back({origin.batch, origin.item, "sink-exec-rejected: " + std::move(rejection.reason)});
  }
  std::sort(work.rejected.begin(), work.rejected.end(),
            [](const Rejected& a, const Rejected& b) { return std::tie(a.batch, a.item) < std::tie(b.batch, b.item); });
}

// Nothing is on its way between two writes, so that a program which ended meanwhile has lost nothing.
void ExecSink::maintain(std::int64_t /*now_ns*/) {
  if (!child_ || !child_->end()) return;
  log_.warn("exec-ended", "{}", ended(""));
  drop_child();
}

void ExecSink::close() {
  if (!child_) return;
  child_->close_input();
  // What it still says must not stop it, nor make it wait.
  if (options_.acknowledged) {
    try {
      output_ = std::make_unique<LineLog>(log_, "exec-stdout", describe(), child_->take_output());
    } catch (const std::system_error&) {  // then it writes into a closed pipe
    }
  }
  const auto deadline = std::chrono::steady_clock::now() + std::min(options_.timeout, kGrace);
  if (child_->wait(deadline)) {
    // What it has started, in a pipeline, may have the rest to do.
    if (errors_->wait_end(deadline) && output_) (void)output_->wait_end(deadline);
  } else {
    log_.warn("exec-terminate", "{} did not end within {} s of the end of its stdin", describe(),
              seconds(std::min(options_.timeout, kGrace)));
    child_->signal(SIGTERM);
    if (!child_->wait(std::chrono::steady_clock::now() + kTermGrace)) {
      log_.warn("exec-kill", "{} did not end by SIGTERM either and is killed", describe());
      child_->signal(SIGKILL);
      (void)child_->wait(std::chrono::steady_clock::now() + kTermGrace);
    }
  }
  if (const auto end = child_->end(); end && end->status != 0)
    log_.warn("exec-ended", "{} ended with {}", describe(), end->text);
  drop_child();
}

}  // namespace mesura::sinks::exec
