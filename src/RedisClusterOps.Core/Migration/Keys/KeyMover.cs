using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration.Bulk;
using RedisClusterOps.Migration.Slot;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Keys;

/// <summary>Moves keys of one open slot from source to target, batch by batch, until the source has none.</summary>
/// <remarks>
/// A batch's error does not say that nothing moved: the source is listed again after each. A transfer that broke leaves every key
/// of its batch with an unknown outcome; only such a key may be overwritten on the target without being compared, and only while
/// both flags stay as they were, for then the source's copy is the one that clients have been using.
/// </remarks>
internal sealed class KeyMover
{
    private const int MostBrokenTransfers = 3;
    private const int MostIdleLooks = 5;
    private const int FewKeys = 100;
    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(100);

    // A client that was sent to the other side is there within milliseconds; looking often keeps short how long a key of it is hidden.
    private static readonly TimeSpan LateFor = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LatePause = TimeSpan.FromMilliseconds(10);

    private readonly MoveKeys _move;
    private readonly MoveOptions _options;
    private readonly KeyTally _tally;
    private readonly OperationLog? _log;
    private readonly StopRequest _stop;
    private readonly SlotChannel _channel;
    private readonly KeyConflicts _conflicts;
    private readonly AdaptiveBatch _batch;
    private readonly HashSet<byte[]> _interrupted = new(KeyBytes.Comparer);
    private readonly TimeSpan _started;
    private readonly long _movedBefore;
    private TimeSpan _roundTrip;
    private TimeSpan _lastReport = TimeSpan.FromSeconds(-1);
    private int _brokenTransfers;
    private int _waits;

    public KeyMover(ClusterReader reader, MoveKeys move, MoveOptions options, KeyTally tally, OperationLog? log, StopRequest stop)
    {
        _started = stop.Clock.Now;
        _move = move;
        _options = options;
        _tally = tally;
        _log = log;
        _stop = stop;
        _channel = new SlotChannel(reader, move, stop);
        _conflicts = new KeyConflicts(_channel, move, options, tally, log, stop, (key, replace) => SendAsync([key], replace, null));
        _batch = new AdaptiveBatch(options.BatchSize, most: AdaptiveBatch.MostOf(options));
        _movedBefore = tally.Moved;
        if (!move.IsReverse)
            _interrupted.UnionWith(tally.Interrupted);
        tally.Interrupted.Clear();
    }

    private TimeSpan Elapsed => _stop.Clock.Now - _started;

    private string Slot => _move.Slot.ToString(CultureInfo.InvariantCulture);

    // Garnet overwrites nothing and reports nothing where a key exists on its side, and the source deletes its own: ask before sending.
    private bool MustAskTarget => _move.Target.View?.Facts.Engine is ServerEngine.Garnet or ServerEngine.Unknown;

    /// <summary>Moves the keys of the slot, in every database.</summary>
    /// <param name="first">Most keys to move; null for all.</param>
    /// <exception cref="SlotChangedException">The slot is not open any more as it was.</exception>
    /// <exception cref="OperationCanceledException">A stop was asked for; the batch in hand was finished.</exception>
    /// <exception cref="RedisOperationException">The keys can't be moved; the message says why and, where it is about one, which.</exception>
    public async Task MoveAllAsync(int? first)
    {
        // Few keys are through before their number could be adapted to anything.
        if (_move.Keys is not < FewKeys)
            _roundTrip = await _channel.RoundTripAsync().ConfigureAwait(false);
        await MoveDatabasesAsync(first).ConfigureAwait(false);
        for (var closed = _stop.Clock.Now; _move.AwaitsLateKeys && _stop.Clock.Now - closed < LateFor;)
        {
            await _stop.PauseAsync(LatePause).ConfigureAwait(false);
            await MoveDatabasesAsync(first).ConfigureAwait(false);
        }

        Report(force: true);
    }

    private async Task MoveDatabasesAsync(int? first)
    {
        for (var database = 0; database < (_move.Source.View?.Databases ?? 1); database++)
        {
            _channel.Database = database;
            var keys = await _channel.ListAsync(Math.Min(_batch.Size, Left(first))).ConfigureAwait(false);
            var (idle, head) = (0, Array.Empty<byte>());
            while (keys.Count > 0 && Left(first) > 0)
            {
                var before = (_tally.Moved, _tally.Missing, _brokenTransfers, _waits);
                var batch = keys.Take(Math.Min(_batch.Size, Left(first))).ToList();
                keys = await MoveBatchAsync(batch, _channel.Listing(Math.Min(_batch.Size * 2, Left(first)))).ConfigureAwait(false)
                    ?? await _channel.ListAsync(Math.Min(_batch.Size, Left(first))).ConfigureAwait(false);
                // Keys that come back in every listing although nothing went wrong would keep this going for ever.
                var stuck = keys.Count > 0 && KeyBytes.Comparer.Equals(head, keys[0]) && before == (_tally.Moved, _tally.Missing, _brokenTransfers, _waits);
                idle = stuck ? idle + 1 : 0;
                if (idle >= MostIdleLooks)
                    throw NotTaken(keys);
                head = keys.Count > 0 ? keys[0] : [];
            }
        }
    }

    /// <summary>Moves just these keys of database 0, which all hash to the slot.</summary>
    public async Task MoveThoseAsync(IReadOnlyList<byte[]> keys)
    {
        _roundTrip = await _channel.RoundTripAsync().ConfigureAwait(false);
        var waiting = new List<byte[]>(keys);
        while (waiting.Count > 0)
        {
            // Cut anew each time: where a transfer broke it is to be fewer, down to the one that does not get through.
            var named = waiting.Take(_batch.Size).ToList();
            // MIGRATE says OK where only some of its keys existed, so those that are not there are found before.
            var batch = await _channel.StillOnSourceAsync(named).ConfigureAwait(false);
            // After anything but a clean move the same keys are tried again, without those that have left.
            var left = batch.Count == 0 ? [] : await MoveBatchAsync(batch, null).ConfigureAwait(false);
            if (left is { Count: > 0 })
                throw NotTaken(left);
            if (left is not null)
                waiting.RemoveRange(0, named.Count);
        }

        Report(force: true);
    }

    private int Left(int? first) => first is { } limit ? (int)Math.Max(0, limit - (_tally.Moved - _movedBefore)) : int.MaxValue;

    /// <returns>The keys that the listing behind the move gave (none without a listing); null where it was not a clean move, and the source is to be looked at again.</returns>
    private async Task<IReadOnlyList<byte[]>?> MoveBatchAsync(List<byte[]> keys, RespCommand? listing)
    {
        _stop.ThrowIfRequested();
        if (MustAskTarget && await _channel.OnTargetAsync(keys).ConfigureAwait(false) is { Count: > 0 } known)
        {
            await _conflicts.SettleAsync(known).ConfigureAwait(false);
            return null;
        }

        // Keys whose own MIGRATE broke in this run go apart, with REPLACE.
        var again = _interrupted.Count > 0 ? keys.Where(_interrupted.Contains).ToList() : [];
        if (again.Count > 0)
        {
            await _conflicts.SaveWhatDiffersAsync(again).ConfigureAwait(false);
            await SendAsync(again, replace: true, null).ConfigureAwait(false);
            return null;
        }

        var (reply, listed) = await SendAsync(keys, replace: false, listing).ConfigureAwait(false);
        if (reply is not (MigrateReply.Moved or MigrateReply.NothingThere))
            return null;
        var left = listed ?? await NotMovedAsync(keys).ConfigureAwait(false);
        TakeBack(reply, keys, left);
        return left;
    }

    /// <returns>What became of it (Unknown where the connection broke), and what the listing behind it gave; null without one.</returns>
    private async Task<(MigrateReply Reply, IReadOnlyList<byte[]>? Listed)> SendAsync(List<byte[]> keys, bool replace, RespCommand? listing)
    {
        var commands = new List<RespCommand> { _move.Request.For(_channel.Database, replace, keys) };
        // The next keys are listed in the same breath: the source answers that when the MIGRATE is through.
        if (listing is not null)
            commands.Add(listing);
        var started = _stop.Clock.Now;
        IReadOnlyList<RespValue> replies;
        try
        {
            // The source's own timeout can run twice: once for sending, once for the answer.
            var timeout = _options.Timeout + _options.Timeout + TimeSpan.FromSeconds(5);
            var source = await _channel.SourceAsync().ConfigureAwait(false);
            replies = await source.SendAsync(commands, timeout, _stop.Abort).ConfigureAwait(false);
        }
        catch (RedisConnectionException lost) when (lost.OutcomeUnknown)
        {
            await AfterBrokenTransferAsync(keys, lost.Message).ConfigureAwait(false);
            return (MigrateReply.Unknown, null);
        }

        var reply = MigrateReplies.Read(replies[0]);
        await HandleAsync(reply, replies[0].Text, keys, _stop.Clock.Now - started - _roundTrip).ConfigureAwait(false);
        return (reply, listing is null || reply is not (MigrateReply.Moved or MigrateReply.NothingThere)
            ? null
            : SlotChannel.Keys(replies[1].OrThrow(_move.Source.View!.Dialled, listing)));
    }

    // Garnet answers OK for keys that it did not take (names over a kilobyte): OK is believed only of keys that are not there any more.
    private void TakeBack(MigrateReply reply, List<byte[]> keys, IReadOnlyList<byte[]> left)
    {
        if (left.Count == 0)
            return;
        var sent = new HashSet<byte[]>(keys, KeyBytes.Comparer);
        var stayed = left.Count(sent.Contains);
        if (reply == MigrateReply.Moved)
            _tally.Moved -= stayed;
        else
            _tally.Missing -= stayed;
    }

    private async Task<IReadOnlyList<byte[]>> NotMovedAsync(List<byte[]> keys) =>
        MustAskTarget ? await _channel.StillOnSourceAsync(keys).ConfigureAwait(false) : [];

    private async Task HandleAsync(MigrateReply reply, string text, List<byte[]> keys, TimeSpan stall)
    {
        switch (reply)
        {
            case MigrateReply.Moved:
                _tally.Moved += keys.Count;
                _interrupted.ExceptWith(keys);
                _brokenTransfers = 0;
                _waits = 0;
                _batch.Took(keys.Count, stall, _options.MaxStall);
                Report(force: false);
                await PaceAsync().ConfigureAwait(false);
                return;
            case MigrateReply.NothingThere:
                _tally.Missing += keys.Count;
                _interrupted.ExceptWith(keys);
                return;
            case MigrateReply.KeyExists:
                var left = await _channel.StillOnSourceAsync(keys).ConfigureAwait(false);
                _tally.Moved += keys.Count - left.Count;
                await _conflicts.SettleAsync(await _channel.OnTargetAsync(left).ConfigureAwait(false)).ConfigureAwait(false);
                return;
            case MigrateReply.Unknown:
                await AfterBrokenTransferAsync(keys, text).ConfigureAwait(false);
                return;
            case MigrateReply.TryLater when ++_waits * RetryPause.TotalMilliseconds <= Math.Max(1000, _options.Timeout.TotalMilliseconds):
                await _stop.PauseAsync(RetryPause).ConfigureAwait(false);
                return;
            case MigrateReply.SlotChanged:
                throw new SlotChangedException(Refused(FailureCode.SlotNotOpen, text, Next(NextActionCode.ShowOpenSlots)));
            case MigrateReply.Unreachable:
                throw Refused(FailureCode.NodeUnreachable, text, OfTarget);
            case MigrateReply.OutOfMemory:
                throw Refused(FailureCode.TargetOutOfMemory, text, OfTarget);
            case MigrateReply.NotLoggedIn:
                throw Refused(FailureCode.AuthenticationFailed, text, new NextAction(NextActionCode.Connect) { Node = _move.Source.Name, Options = NextActionOptions.Credential });
            case MigrateReply.NotAllowed:
                throw Refused(FailureCode.PermissionDenied, text, ServerErrors.NextOf(FailureCode.PermissionDenied)!);
            case MigrateReply.PayloadRefused:
                throw Refused(FailureCode.ServerError, text, new NextAction(NextActionCode.ShowVersions));
            case MigrateReply.TryLater:
                throw Refused(FailureCode.ServerError, text, new NextAction(NextActionCode.CheckCluster));
            default:
                throw Refused(FailureCode.ServerError, text, Next(NextActionCode.ShowOpenSlots));
        }
    }

    // The target may have the keys, the source still has them. Both are let come to themselves, then both flags are looked at:
    // as long as they never changed, the source's copies are the live ones and may replace.
    private async Task AfterBrokenTransferAsync(List<byte[]> keys, string reason)
    {
        var count = keys.Count.ToString(CultureInfo.InvariantCulture) + (keys.Count == 1 ? " key" : " keys");
        _log?.Warning(_move.Slot, "Slot " + Slot + ": a transfer of " + count + " broke (" + Printable.Clean(reason, 160) + "). Looking at both sides again.");
        if (++_brokenTransfers > MostBrokenTransfers && keys.Count == 1)
        {
            var minutes = Math.Max(5, Math.Ceiling(_options.Timeout.TotalMinutes * 5)).ToString("0", CultureInfo.InvariantCulture);
            throw Refused(
                FailureCode.KeyMoveTimedOut,
                "key " + Printable.Quote(keys[0]) + " did not get through within " + _options.Timeout.TotalSeconds.ToString("0.###", CultureInfo.InvariantCulture) + " s (" + reason + ")",
                _move.Again with { Timeout = minutes + "m" });
        }

        // The target of a reverse move is where clients write: what they have written since must not be replaced by what was sent before.
        if (!_move.IsReverse)
            _interrupted.UnionWith(keys);
        _batch.Broke(keys.Count);
        await _stop.PauseAsync(RetryPause).ConfigureAwait(false);
        if (!await _channel.IsOpenAsync().ConfigureAwait(false))
            throw new SlotChangedException(Refused(FailureCode.SlotNotOpen, reason, Next(NextActionCode.ShowOpenSlots)));
    }

    private async Task PaceAsync()
    {
        if (_options.MaxKeysPerSecond <= 0)
            return;
        var due = TimeSpan.FromSeconds((double)(_tally.Moved - _movedBefore) / _options.MaxKeysPerSecond);
        if (due > Elapsed)
            await _stop.PauseAsync(due - Elapsed).ConfigureAwait(false);
    }

    private void Report(bool force)
    {
        if (!force && Elapsed - _lastReport < TimeSpan.FromMilliseconds(100))
            return;
        _lastReport = Elapsed;
        var total = Math.Max(_tally.Moved, _movedBefore + (_move.Keys ?? 0));
        _tally.Progressed?.Invoke(_tally.Moved, total);
        _log?.Progress(_move.Slot, _tally.Moved, total, Elapsed);
    }

    private NextAction OfTarget => new(NextActionCode.ShowNodes) { Node = _move.Target.Name };

    private NextAction Next(NextActionCode code) => new(code) { Slots = Slot };

    private RedisOperationException NotTaken(IReadOnlyList<byte[]> keys) => Refused(
        FailureCode.ServerError,
        "the servers say that they moved it, and it does not move: key " + Printable.Clean(Printable.Quote(keys[0]), 200),
        Next(NextActionCode.ShowKeys) with { Node = _move.Source.Name });

    private RedisOperationException Refused(FailureCode code, string error, NextAction? next) => new(
        code,
        "Slot " + Slot + ": moving keys from " + _move.Source.Name + " to " + _move.Target.Name + " failed: " + Printable.Clean(error) + ". The slot stays open and no key is lost.",
        Slot,
        next);
}
