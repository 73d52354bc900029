using System;
using System.Globalization;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Atomic;

/// <summary>Follows one task until the server reports its end, or until it keeps failing or makes no progress.</summary>
internal sealed class AtomicWatch(
    ClusterReader reader,
    IAtomicServer server,
    AtomicEnds ends,
    ClusterNode target,
    AtomicLimits limits,
    StopRequest stop,
    Action<string> report)
{
    // The pause is a tenth of the elapsed time: a short migration is not delayed, and a long one is not polled too often.
    private const double Share = 0.1;
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(2);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan CheckInterval = TimeSpan.FromSeconds(1);

    private long _failedRetry = -1;
    private int _failures;
    private TimeSpan? _busySince;
    private string _reportedState = string.Empty;
    private string _signs = string.Empty;
    private string _arrived = string.Empty;
    private TimeSpan _lastSign;
    private TimeSpan? _peerSilentSince;

    /// <summary>The last entry of the task, with its end; null if the host no longer lists it, as after a restart.</summary>
    /// <exception cref="RedisOperationException">The task keeps failing or makes no progress, or an end does not answer.</exception>
    public async Task<AtomicTask?> UntilEndAsync(AtomicTask task)
    {
        var started = stop.Clock.Now;
        var checkedAt = started;
        _lastSign = started;
        while (true)
        {
            var listed = await ends.ListAsync(stop.Abort).ConfigureAwait(false);
            var now = listed.FirstOrDefault(other => other.Id == task.Id && other.IsImport == task.IsImport);
            if (now is null)
                return null;
            ReportState(now);
            if (now.End != AtomicEnd.None)
                return now;
            if (now.WaitsToRetry)
                CountFailure(now);
            if (stop.Clock.Now - checkedAt > CheckInterval)
            {
                await CheckEndsAsync().ConfigureAwait(false);
                checkedAt = stop.Clock.Now;
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

    private void ReportState(AtomicTask now)
    {
        var state = now.WaitsToRetry ? "failed, and " + server.Host.Name + " retries: " + now.Message
            : now.Remaining is > 0 ? now.State + ", " + now.Remaining.Value.ToString(CultureInfo.InvariantCulture) + " bytes left"
            : now.State;
        if (state != _reportedState)
            report(state);
        _reportedState = state;
    }

    // Redis retries every second, without end.
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
                throw AtomicText.Failed(refusal.Code, server.Host.Name + " reports: " + now.Message, refusal.Next);
            return;
        }

        _busySince = null;
        _failures++;
        if (refusal.Lasts || _failures >= limits.ServerAttempts)
        {
            var times = _failures == 1 ? string.Empty : " " + _failures.ToString(CultureInfo.InvariantCulture) + " times";
            throw AtomicText.Failed(refusal.Code, server.Host.Name + " failed" + times + " and reports: " + now.Message, refusal.Next);
        }
    }

    // The host's list does not show whether keys arrive and whether the peer is alive.
    private async Task CheckEndsAsync()
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
            var timeout = LimitOf(limits.Silence);
            var reply = await connection.AskAsync(RespCommand.Of("INFO", "keyspace"), stop.Abort, timeout).ConfigureAwait(false);
            if (ReferenceEquals(node, target))
                _arrived = reply.Text;
            if (ReferenceEquals(node, server.Peer))
                _peerSilentSince = null;
        }
        catch (RedisOperationException failure) when (AtomicEnds.IsSilence(failure))
        {
            // The read of the host's list waits for the host.
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
            var stall = limits.Stall.TotalSeconds.ToString("0.#", CultureInfo.InvariantCulture);
            var text = server.Host.Name + " reports '" + now.State + "' without progress for " + stall + " s";
            throw AtomicText.Failed(FailureCode.ServerError, text, null);
        }
    }
}
