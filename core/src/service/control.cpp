// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "service/control.hpp"

#include "service/system_user.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace mesura::service {

namespace {

constexpr std::size_t kMaxRequest = 64 * 1024;
/// command::kMostContent in base64, and what stands around it.
constexpr std::size_t kMaxCommand = 24U * 1024U * 1024U;
constexpr std::string_view kCommand = "command\t";
/// Of all requests that are larger than most, together.
constexpr std::size_t kMaxLarge = 64U * 1024U * 1024U;
constexpr std::size_t kMaxWaiting = 1024 * 1024;
constexpr std::size_t kMaxConnections = 64;

sockaddr_un address_of(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string text = path.string();
  if (text.size() >= sizeof address.sun_path)
    throw std::system_error(
        ENAMETOOLONG, std::generic_category(),
        "control socket " + text + ": a path of at most 107 bytes is possible; set a shorter `state:`");
  std::memcpy(address.sun_path, text.data(), text.size());
  return address;
}

std::vector<std::string> split_words(std::string_view line) {
  std::vector<std::string> words;
  for (;;) {
    const auto tab = line.find('\t');
    words.emplace_back(line.substr(0, tab));
    if (tab == std::string_view::npos) return words;
    line.remove_prefix(tab + 1);
  }
}

}  // namespace

void ok(Reply& reply, std::string_view text) {
  reply.send("ok\n");
  reply.send(text);
  reply.finish();
}

void error(Reply& reply, std::string_view message) {
  reply.send("error\n");
  reply.send(message);
  reply.finish();
}

class ControlServer::Connection final : public Reply, public std::enable_shared_from_this<Connection> {
 public:
  Connection(ControlServer& server, std::uint64_t id, runtime::UniqueFd fd)
      : server_(&server), id_(id), fd_(std::move(fd)) {}
  ~Connection() override { drop(); }

  void start() {
    watch_ = server_->loop_.watch(fd_.get(), EPOLLIN, [this](std::uint32_t events) {
      const auto keep = shared_from_this();  // dropping may release the server's reference
      on_events(events);
    });
  }

  bool send(std::string_view text) override {
    if (server_ == nullptr) return false;
    // One text may be larger: the content of a file.
    if (out_.size() > kMaxWaiting) {
      drop();
      return false;
    }
    out_.append(text);
    return flush();
  }

  void finish() override {
    finished_ = true;
    if (server_ != nullptr && out_.empty()) drop();
  }

  [[nodiscard]] std::string user() const override {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(fd_.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return {};
    return user_name(peer.uid);
  }

  void on_hangup(std::function<void()> callback) override { on_hangup_ = std::move(callback); }

  /// Also called by the server's destructor: replies that are still held elsewhere go quiet.
  void drop() {
    if (server_ == nullptr) return;
    ControlServer* server = std::exchange(server_, nullptr);
    server->loop_.unwatch(watch_);
    fd_ = runtime::UniqueFd{};
    server->large_ -= std::exchange(large_, 0);
    if (!finished_) hang_up(server->loop_);
    server->connections_.erase(id_);
  }

 private:
  /// Later: it may be the callback's own plugin that was just telling us something.
  void hang_up(runtime::EventLoop& loop) {
    if (on_hangup_) loop.post(std::exchange(on_hangup_, nullptr));
  }

  void on_events(std::uint32_t events) {
    if ((events & EPOLLOUT) != 0U && !flush()) return;
    if ((events & EPOLLIN) != 0U) read();
    // Both directions are closed: nobody is there to read.
    if ((events & (EPOLLHUP | EPOLLERR)) != 0U) drop();
  }

  void read() {
    char buffer[65536];
    for (;;) {
      if (server_ == nullptr) return;
      const auto n = ::read(fd_.get(), buffer, sizeof buffer);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EAGAIN) return;
      if (n == 0 && on_hangup_) return half_closed();
      if (n <= 0) return drop();  // a client that hangs up early wants no answer
      if (handled_) continue;
      const std::string_view more{buffer, static_cast<std::size_t>(n)};
      const auto end = more.find('\n');
      in_.append(more.substr(0, end));
      if (!has_room()) return drop();
      if (end == std::string_view::npos) continue;
      handled_ = true;
      const auto words = split_words(std::exchange(in_, {}));
      server_->large_ -= std::exchange(large_, 0);
      server_->handler_(words, shared_from_this());
    }
  }

  /// It sends no more; what it asked for may be called off, but its answer has yet to come.
  void half_closed() {
    reading_ = false;
    server_->loop_.modify(watch_, interest());
    hang_up(server_->loop_);
  }

  [[nodiscard]] std::uint32_t interest() const {
    return (reading_ ? static_cast<std::uint32_t>(EPOLLIN) : 0U) |
           (out_.empty() ? 0U : static_cast<std::uint32_t>(EPOLLOUT));
  }

  /// Its request may become as large as it is by now.
  bool has_room() {
    if (in_.size() <= kMaxRequest) return true;
    server_->large_ += in_.size() - large_;
    large_ = in_.size();
    if (in_.size() <= kMaxCommand && in_.starts_with(kCommand) && server_->large_ <= kMaxLarge) return true;
    server_->log_.warn("ctl-large", "control socket {}: a request of more than {} bytes was turned away",
                       server_->path_.string(), in_.size() - 1);
    return false;
  }

  bool flush() {
    while (!out_.empty()) {
      const auto n = ::send(fd_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EAGAIN) break;
      if (n < 0) {
        drop();
        return false;
      }
      out_.erase(0, static_cast<std::size_t>(n));
    }
    if (out_.empty() && finished_) {
      drop();
      return false;
    }
    server_->loop_.modify(watch_, interest());
    return true;
  }

  ControlServer* server_;
  std::uint64_t id_;
  runtime::UniqueFd fd_;
  runtime::EventLoop::WatchId watch_ = 0;
  std::string in_;
  std::string out_;
  std::size_t large_ = 0;  ///< its share of the server's
  std::function<void()> on_hangup_;
  bool handled_ = false;
  bool finished_ = false;
  bool reading_ = true;
};

ControlServer::ControlServer(runtime::EventLoop& loop, runtime::Logger log, std::filesystem::path path, Handler handler)
    : loop_(loop), log_(std::move(log)), path_(std::move(path)), handler_(std::move(handler)) {
  const sockaddr_un address = address_of(path_);
  fd_ = runtime::UniqueFd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  const auto fail = [&](const char* what) {
    throw std::system_error(errno, std::generic_category(), "control socket " + path_.string() + ": " + what);
  };
  if (fd_.get() < 0) fail("socket");
  ::unlink(path_.c_str());
  // The mode must be right from the first moment: another user could connect between bind and chmod.
  const mode_t before = ::umask(0117);
  const int bound = ::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  ::umask(before);
  if (bound != 0) fail("bind");
  if (::listen(fd_.get(), 16) != 0) fail("listen");
  watch_ = loop_.watch(fd_.get(), EPOLLIN, [this](std::uint32_t) { accept(); });
}

ControlServer::~ControlServer() {
  loop_.unwatch(watch_);
  while (!connections_.empty()) {
    const auto connection = connections_.begin()->second;
    connection->drop();
  }
  ::unlink(path_.c_str());
}

void ControlServer::accept() {
  for (;;) {
    runtime::UniqueFd fd{::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
    if (fd.get() < 0) return;
    if (connections_.size() >= kMaxConnections) {
      log_.warn("ctl-full", "control socket {}: more than {} clients; one was turned away", path_.string(),
                kMaxConnections);
      continue;
    }
    const auto id = next_++;
    const auto connection = std::make_shared<Connection>(*this, id, std::move(fd));
    connections_.emplace(id, connection);
    connection->start();
  }
}

runtime::UniqueFd send_request(const std::filesystem::path& path, const std::vector<std::string>& words) {
  const sockaddr_un address = address_of(path);
  runtime::UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return {};
  std::string request;
  for (const auto& word : words) {
    if (!request.empty()) request += '\t';
    request += word;
  }
  request += '\n';
  for (std::string_view rest = request; !rest.empty();) {
    const auto n = ::send(fd.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return {};
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
  return fd;
}

std::optional<bool> ask(const std::filesystem::path& path, const std::vector<std::string>& words,
                        const std::function<bool(bool, std::string_view)>& on_text) {
  const runtime::UniqueFd fd = send_request(path, words);
  if (!fd) return std::nullopt;
  std::string head;
  std::optional<bool> good;
  char buffer[16384];
  for (;;) {
    const auto n = ::read(fd.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    std::string_view text{buffer, static_cast<std::size_t>(n)};
    if (!good) {
      head.append(text);
      const auto end = head.find('\n');
      if (end == std::string::npos) continue;
      good = head.compare(0, end, "ok") == 0;
      text = std::string_view{head}.substr(end + 1);
    }
    if (!text.empty() && !on_text(*good, text)) break;
  }
  return good;
}

}  // namespace mesura::service
