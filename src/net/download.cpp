#include "net/download.h"

#include <openssl/evp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/os/file.h"
#include "net/http_fetch.h"

namespace vivace {
namespace {

namespace fs = std::filesystem;

fs::path with_suffix(const fs::path& path, const char* suffix) { return fs::path(path.string() + suffix); }

/// Which parts of a download have come, on the disk.
class PartList {
 public:
  PartList(const DownloadRequest& request, fs::path file) : file_(std::move(file)) {
    identity_ = {
        {"url", request.url}, {"bytes", request.bytes}, {"sha256", request.sha256}, {"part_bytes", request.part_bytes}};
    done_.assign(size_t((request.bytes + request.part_bytes - 1) / request.part_bytes), false);
  }

  /// Reads what an earlier run wrote; false where that was another download, or none.
  bool resume() {
    try {
      const Json json = parse_json(read_text_file(file_, uint64_t{1} << 24));
      if (json.at("download") != identity_) return false;
      const std::string marks = json.at("parts").get<std::string>();
      if (marks.size() != done_.size()) return false;
      for (size_t i = 0; i < marks.size(); ++i) done_[i] = marks[i] == 'x';
      return true;
    } catch (const std::exception&) {  // there is none, or half of one
      return false;
    }
  }

  void write() const {
    std::string marks;
    for (bool part : done_) marks += part ? 'x' : '.';
    const std::string text = dump_json({{"download", identity_}, {"parts", marks}});
    write_file_atomic(file_, {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  }

  std::optional<size_t> next_missing(size_t from) const {
    for (size_t i = from; i < done_.size(); ++i) {
      if (!done_[i]) return i;
    }
    return std::nullopt;
  }

  void mark(size_t part) { done_[part] = true; }
  bool is_done(size_t part) const { return done_[part]; }
  size_t size() const { return done_.size(); }

 private:
  fs::path file_;
  Json identity_;
  std::vector<bool> done_;
};

class Download {
 public:
  Download(const DownloadRequest& request, const DownloadProgress& progress)
      : request_(request),
        progress_(progress),
        part_file_(with_suffix(request.target, ".part")),
        list_file_(with_suffix(request.target, ".parts.json")),
        parts_(request, list_file_) {}

  void run() {
    open();
    std::vector<std::thread> threads;
    const int count = std::max(1, std::min(request_.connections, int(parts_.size())));
    for (int i = 0; i < count; ++i) {
      try {
        threads.emplace_back([this] { work(); });
      } catch (const std::system_error&) {
        break;  // those that there are do it
      }
    }
    if (threads.empty()) work();
    for (std::thread& thread : threads) thread.join();
    if (failure_) std::rethrow_exception(failure_);
    finish();
  }

 private:
  void open() {
    std::error_code ignored;
    fs::create_directories(request_.target.parent_path(), ignored);
    remove_leftovers();
    const bool there = parts_.resume() && fs::exists(part_file_, ignored);
    if (!there) {
      parts_ = PartList(request_, list_file_);
      file_ = File::open(part_file_, FileMode::kCreate);
      parts_.write();
    } else {
      file_ = File::open(part_file_, FileMode::kReadWrite);
    }
    for (size_t i = 0; i < parts_.size(); ++i) done_ += parts_.is_done(i) ? size_of(i) : 0;
  }

  /// Lists that were being written when an earlier run was killed.
  void remove_leftovers() const {
    const std::string begin = list_file_.filename().string() + ".tmp-";
    std::error_code ignored;
    for (fs::directory_iterator it(list_file_.parent_path(), ignored), end; it != end; it.increment(ignored)) {
      if (it->path().filename().string().starts_with(begin)) fs::remove(it->path(), ignored);
    }
  }

  uint64_t size_of(size_t part) const {
    return std::min(request_.part_bytes, request_.bytes - uint64_t(part) * request_.part_bytes);
  }

  void work() {
    try {
      while (const auto part = take()) get(*part);
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      stop_ = true;
    }
  }

  std::optional<size_t> take() {
    const std::lock_guard lock(mutex_);
    if (stop_) return std::nullopt;
    const auto part = parts_.next_missing(next_);
    if (part) next_ = *part + 1;
    return part;
  }

  void get(size_t part) {
    for (int attempt = 1;; ++attempt) {
      try {
        return get_once(part);
      } catch (const Error& error) {
        if (error.code() == ErrorCode::kCancelled || attempt >= request_.attempts || stop_) throw;
        std::this_thread::sleep_for(std::chrono::milliseconds(100) * (1 << std::min(attempt, 6)));
      }
    }
  }

  void get_once(size_t part) {
    const uint64_t begin = uint64_t(part) * request_.part_bytes;
    uint64_t come = 0;
    try {
      fetch_range(request_.url, begin, begin + size_of(part), request_.headers, [&](std::span<const uint8_t> bytes) {
        file_.pwrite_exact(begin + come, bytes);
        come += bytes.size();
        const uint64_t done = done_ += bytes.size();
        return !stop_ && (!progress_ || progress_(done, request_.bytes));
      });
    } catch (...) {
      done_ -= come;
      throw;
    }
    const std::lock_guard lock(mutex_);
    parts_.mark(part);
    parts_.write();
  }

  void finish() {
    file_.sync();
    file_.close();
    if (!request_.sha256.empty()) {
      const std::string sum = sha256_of_file(part_file_);
      if (sum != request_.sha256) {
        std::error_code ignored;
        fs::remove(part_file_, ignored);
        fs::remove(list_file_, ignored);
        throw Error(
            ErrorCode::kIo,
            request_.target.filename().string() + " came with the checksum " + sum + " instead of " + request_.sha256,
            "it was removed; get it again");
      }
    }
    std::error_code error;
    fs::rename(part_file_, request_.target, error);
    if (error)
      throw Error(ErrorCode::kIo, "can't move the download to " + request_.target.string() + ": " + error.message());
    fs::remove(list_file_, error);
  }

  const DownloadRequest& request_;
  const DownloadProgress& progress_;
  const fs::path part_file_, list_file_;
  File file_;
  std::atomic<uint64_t> done_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;  // guards what follows
  PartList parts_;
  size_t next_ = 0;
  std::exception_ptr failure_;
};

}  // namespace

void download_file(const DownloadRequest& request, const DownloadProgress& progress) {
  std::error_code error;
  if (fs::exists(request.target, error) && fs::file_size(request.target, error) == request.bytes) return;
  if (request.bytes == 0) throw Error(ErrorCode::kIo, "there is nothing at " + request.url);
  Download(request, progress).run();
}

std::string sha256_of_file(const fs::path& path) {
  const File file = File::open(path);
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  if (!context || EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1) {
    throw Error(ErrorCode::kOutOfMemory, "there is no memory for a checksum");
  }
  std::vector<uint8_t> piece(1 << 20);
  uint64_t at = 0;
  while (const size_t n = file.pread_some(at, piece)) {
    EVP_DigestUpdate(context.get(), piece.data(), n);
    at += n;
  }
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_DigestFinal_ex(context.get(), digest, &size);
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    text += kDigits[digest[i] >> 4];
    text += kDigits[digest[i] & 15];
  }
  return text;
}

}  // namespace vivace
