using System;
using System.Globalization;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration.Bulk;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Atomic;

/// <summary>Follows one task until the server says that it has ended, or until nothing speaks for it any more that it will end well.</summary>
internal sealed class AtomicWatch(ClusterReader reader, IAtomicServer server, AtomicEnds ends, ClusterNode target, AtomicLimits limits, StopRequest stop, Action<string> report)
{
    // A tenth of the time that it has taken so far: a short move is not slowed, a long one is not pestered.
    private const double Share = 0.1;
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(2);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan CloserLook = TimeSpan.FromSeconds(1);

    private long _failedRetry = -1;
    private int _failures;
    private TimeSpan? _busySince;
    private string _said = string.Empty;
    private string _signs = string.Empty;
    private string _arrived = string.Empty;
    private TimeSpan _lastSign;
    private TimeSpan? _peerSilentSince;

    /// <summary>The task's last entry, which says how it ended; null where the host forgot it, as it does in a restart.</summary>
    /// <exception cref="RedisOperationException">It fails again and again, stands still, or an end does not answer.</exception>
    public async Task<AtomicTask?> UntilEndAsync(AtomicTask task)
    {
        var started = stop.Clock.Now;
        var lookedAt = started;
        _lastSign = started;
        while (true)
        {
            var listed = await ends.ListAsync(stop.Abort).ConfigureAwait(false);
            var now = listed.FirstOrDefault(other => other.Id == task.Id && other.IsImport == task.IsImport);
            if (now is null)
                return null;
            Tell(now);
            if (now.End != AtomicEnd.None)
                return now;
            if (now.WaitsToRetry)
                CountFailure(now);
            if (stop.Clock.Now - lookedAt > CloserLook)
            {
                await LookCloserAsync().ConfigureAwait(false);
                lookedAt = stop.Clock.Now;
            }

            ExpectProgress(now);
            stop.ThrowIfRequested();
            await stop.PauseAsync(PauseAfter(stop.Clock.Now - started)).ConfigureAwait(false);
        }
    }

    private static TimeSpan PauseAfter(TimeSpan elapsed)
    {
        var pause = TimeSpan.FromTicks((long)(elapsed.Ticks * Share));
        return pause < ShortestPause ? ShortestPause : pause > LongestPause ? LongestPause : pause;
    }

    private void Tell(AtomicTask now)
    {
        var said = now.WaitsToRetry ? "failed, and " + server.Host.Name + " tries again: " + now.Message
            : now.Remaining is > 0 ? now.State + ", " + now.Remaining.Value.ToString(CultureInfo.InvariantCulture) + " bytes left"
            : now.State;
        if (said != _said)
            report(said);
        _said = said;
    }

    // Redis tries again every second, for ever.
    private void CountFailure(AtomicTask now)
    {
        if (now.Retries == _failedRetry)
            return;
        _failedRetry = now.Retries;
        var refusal = AtomicRefusal.Of(now.Message);
        if (refusal.Passes)
        {
            _busySince ??= stop.Clock.Now;
            if (stop.Clock.Now - _busySince > limits.Turn)
                throw AtomicText.Failed(refusal.Code, server.Host.Name + " says: " + now.Message, refusal.Next);
            return;
        }

        _busySince = null;
        _failures++;
        if (refusal.Lasts || _failures >= limits.ServerAttempts)
        {
            var times = _failures == 1 ? string.Empty : " " + _failures.ToString(CultureInfo.InvariantCulture) + " times";
            throw AtomicText.Failed(refusal.Code, server.Host.Name + " failed" + times + ", and says: " + now.Message, refusal.Next);
        }
    }

    // What the target's list does not show: that keys arrive, and that the other end is alive.
    private async Task LookCloserAsync()
    {
        await AskAsync(target).ConfigureAwait(false);
        if (!ReferenceEquals(server.Peer, target))
            await AskAsync(server.Peer).ConfigureAwait(false);
    }

    private async Task AskAsync(ClusterNode node)
    {
        var asked = stop.Clock.Now;
        try
        {
            var connection = await reader.ConnectAsync(node, stop.Abort).ConfigureAwait(false);
            var reply = await connection.AskAsync(RespCommand.Of("INFO", "keyspace"), stop.Abort, LimitOf(limits.Silence)).ConfigureAwait(false);
            if (ReferenceEquals(node, target))
                _arrived = reply.Text;
            if (ReferenceEquals(node, server.Peer))
                _peerSilentSince = null;
        }
        catch (RedisOperationException failure) when (AtomicEnds.IsSilence(failure))
        {
            // The host is asked for its list anyway, and waited for there.
            if (!ReferenceEquals(node, server.Peer))
                return;
            if (_peerSilentSince is null)
                report("waits for " + node.Name + ", which does not answer");
            _peerSilentSince ??= asked;
            if (stop.Clock.Now - _peerSilentSince > limits.Silence)
                throw AtomicEnds.Silent(node, failure);
        }
    }

    private static TimeSpan LimitOf(TimeSpan silence) => silence < TimeSpan.FromSeconds(5) ? silence : TimeSpan.FromSeconds(5);

    private void ExpectProgress(AtomicTask now)
    {
        var signs = now.State + "|" + now.Retries + "|" + now.Remaining + "|" + _arrived;
        if (signs != _signs)
        {
            _signs = signs;
            _lastSign = stop.Clock.Now;
        }
        else if (stop.Clock.Now - _lastSign > limits.Stall)
        {
            throw AtomicText.Failed(FailureCode.ServerError, server.Host.Name + " says '" + now.State + "', and nothing has changed for " + limits.Stall.TotalSeconds.ToString("0.#", CultureInfo.InvariantCulture) + " s", null);
        }
    }
}
