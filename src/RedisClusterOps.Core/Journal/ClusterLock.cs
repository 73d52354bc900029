using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Journal;

/// <summary>Prevents two runs on one machine from changing the same cluster.</summary>
/// <remarks>
/// The lock is a file that is open without sharing: the operating system releases it when the process ends for any reason. A second file
/// names the holder. It is no evidence of a lock, because a killed process leaves it behind.
/// </remarks>
internal sealed class ClusterLock : IDisposable
{
    private const string Extension = ".lock";
    private const int Attempts = 11;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    private readonly FileStream _held;
    private readonly string _holder;

    private ClusterLock(FileStream held, string holder)
    {
        _held = held;
        _holder = holder;
    }

    /// <exception cref="RedisOperationException">JournalBusy: another run holds it; the message names the run.
    /// JournalUnavailable.</exception>
    public static ClusterLock Take(JournalFolder folder, RunHeader header, string runId, DateTime now)
    {
        folder.Create(folder.Locks);
        var path = PathOf(folder, header.NodeIds);
        var holder = HolderOf(path);
        try
        {
            // A process that lists the runs opens the lock for a moment, too.
            for (var attempt = 1; ; attempt++)
            {
                if (TryOpen(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None) is { } held)
                    return Hold(held, holder, header, runId, now);
                if (attempt == Attempts)
                    throw Busy(path, holder);
                Thread.Sleep(Pause);
            }
        }
        catch (Exception failure) when (WholeFile.IsFileError(failure))
        {
            throw JournalFolder.Unavailable(path, failure);
        }
    }

    /// <summary>The exception that <see cref="Take"/> would throw now; null if the lock is free.</summary>
    public static RedisOperationException? Refusal(JournalFolder folder, IReadOnlyList<string> nodeIds)
    {
        var path = PathOf(folder, nodeIds);
        return File.Exists(path) && IsHeld(path) ? Busy(path, HolderOf(path)) : null;
    }

    /// <summary>The ids of the runs that hold a lock.</summary>
    public static HashSet<string> RunningIds(JournalFolder folder)
    {
        var runs = new HashSet<string>(StringComparer.Ordinal);
        foreach (var locks in new[] { folder.Locks, JournalFolder.At().Locks }.Distinct().Where(Directory.Exists))
        {
            foreach (var path in Directory.EnumerateFiles(locks, "*" + Extension).Take(JournalReader.MostRuns))
            {
                if (IsHeld(path) && ReadHolder(HolderOf(path))?.Run is { } run)
                    runs.Add(run);
            }
        }

        return runs;
    }

    public void Dispose()
    {
        // While the lock is still held: afterwards the file may belong to the next run.
        try
        {
            File.Delete(_holder);
        }
        catch (Exception failure) when (WholeFile.IsFileError(failure))
        {
            // The file does not block another run.
        }

        _held.Dispose();
    }

    // The views of all nodes contain the same ids, so they lead to the same file.
    private static string PathOf(JournalFolder folder, IEnumerable<string> nodeIds)
    {
        var lowest = nodeIds.OrderBy(id => id, StringComparer.Ordinal).FirstOrDefault() ?? "unknown";
        // The id comes from a server and becomes a file name.
        var name = new string(lowest.Take(40).Select(c => c is (>= '0' and <= '9') or (>= 'a' and <= 'z') ? c : '_').ToArray());
        return Path.Combine(folder.Locks, name + Extension);
    }

    private static string HolderOf(string path) => Path.ChangeExtension(path, ".holder.json");

    private static ClusterLock Hold(FileStream held, string holder, RunHeader header, string runId, DateTime now)
    {
        try
        {
            WholeFile.RestrictToOwner(held.Name);
            var line = header.ToHolderLine(now);
            line.Run = runId;
            using var file = new FileStream(holder, FileMode.Create, FileAccess.Write, FileShare.Read);
            WholeFile.RestrictToOwner(holder);
            var bytes = line.ToBytes();
            file.Write(bytes, 0, bytes.Length);
            return new ClusterLock(held, holder);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    private static RedisOperationException Busy(string path, string holderPath)
    {
        var holder = ReadHolder(holderPath);
        var run = holder is null
            ? "An unknown run holds the lock '" + Printable.Clean(path) + "'."
            : string.Format(
                CultureInfo.InvariantCulture,
                "{0} run {1} holds its lock: process {2} of {3} on {4}, since {5:yyyy-MM-dd HH:mm:ss}Z.",
                Text(holder.Operation), Text(holder.Run), holder.ProcessId, Text(holder.User), Text(holder.Host), holder.Time);
        return new RedisOperationException(
            FailureCode.JournalBusy,
            "Another run is changing the cluster. " + run,
            holder?.Run,
            new NextAction(NextActionCode.ShowRunningRuns));

        static string Text(string? text) => Printable.Clean(text ?? "?", 100);
    }

    private static JournalLine? ReadHolder(string path)
    {
        try
        {
            var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            return LineReader.Read(file).FirstOrDefault();
        }
        catch (Exception failure) when (WholeFile.IsFileError(failure))
        {
            return null;
        }
    }

    private static bool IsHeld(string path)
    {
        try
        {
            // Shared, so that two processes that check the lock at once do not see each other as the holder.
            using var free = TryOpen(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            return free is null;
        }
        catch (Exception failure) when (WholeFile.IsFileError(failure))
        {
            // The lock belongs to another user, whose runs are not readable either.
            return false;
        }
    }

    /// <returns>Null if another process has the file open.</returns>
    private static FileStream? TryOpen(string path, FileMode mode, FileAccess access, FileShare share)
    {
        try
        {
            return new FileStream(path, mode, access, share);
        }
        catch (IOException failure) when (failure.HResult is SharingViolation or LockViolation or WouldBlock or WouldBlockOnMac)
        {
            return null;
        }
    }

    // An HRESULT on Windows. On Unix, .NET locks with flock() and returns its errno.
    private const int SharingViolation = unchecked((int)0x80070020);
    private const int LockViolation = unchecked((int)0x80070021);
    private const int WouldBlock = 11;
    private const int WouldBlockOnMac = 35;
}
