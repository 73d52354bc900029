using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;
using static RedisClusterOps.Protocol.Numbers;

namespace RedisClusterOps.Migration.Keys;

/// <summary>Moves the keys of one open slot from source to target in batches until the source has none.</summary>
/// <remarks>
/// An error of a batch does not mean that no key moved, so the source is listed again after each error. After a transfer that broke, the
/// outcome of every key in its batch is unknown. Only such keys may be overwritten on the target without a comparison, and only while
/// neither flag has changed: then clients have been using the copies on the source.
/// </remarks>
internal sealed class KeyMover
{
    private const int MostBrokenTransfers = 3;
    private const int MostIdleListings = 5;
    private const int FewKeys = 100;
    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(100);

    // A redirected client arrives at the other side within milliseconds. Frequent listings keep the time short in which its key is hidden.
    public static readonly TimeSpan LateFor = TimeSpan.FromMilliseconds(250);
    public static readonly TimeSpan LatePause = TimeSpan.FromMilliseconds(10);

    private readonly MoveKeys _move;
    private readonly MoveOptions _options;
    private readonly KeyTally _tally;
    private readonly OperationLog? _log;
    private readonly StopRequest _stop;
    private readonly SlotChannel _channel;
    private readonly KeyConflicts _conflicts;
    private readonly AdaptiveBatch _batch;
    private readonly BatchTiming _timing;
    private readonly HashSet<byte[]> _interrupted = new(KeyBytes.Comparer);
    private readonly TimeSpan _started;
    private readonly long _movedBefore;
    private readonly bool _mustAskTarget;
    private TimeSpan _lastReport = TimeSpan.FromSeconds(-1);
    private int _brokenTransfers;
    private int _waits;

    public KeyMover(ClusterReader reader, MoveKeys move, MoveOptions options, KeyTally tally, OperationLog? log, StopRequest stop)
    {
        (_move, _options, _tally, _log, _stop) = (move, options, tally, log, stop);
        (_started, _movedBefore) = (stop.Clock.Now, tally.Moved);
        _channel = new SlotChannel(reader, move, stop);
        _conflicts = new KeyConflicts(_channel, move, options, tally, log, stop, (key, replace) => SendAsync([key], replace, null));
        _timing = new BatchTiming(PaceOf(move.Source), PaceOf(move.Target), stop);
        _batch = new AdaptiveBatch(options.BatchSize, most: AdaptiveBatch.LimitOf(options));
        _mustAskTarget = MigrateRules.MustAskTarget(move.Target);
        if (!move.IsReverse)
            _interrupted.UnionWith(tally.Interrupted);
        tally.Interrupted.Clear();

        NodePace PaceOf(ClusterNode node) => new(reader, node, options.MaxStall, log);
    }

    private TimeSpan Elapsed => _stop.Clock.Now - _started;

    private string Slot => _move.Slot.ToString(CultureInfo.InvariantCulture);

    private NextAction ShowSlot => new(NextActionCode.ShowOpenSlots) { Slots = Slot };

    /// <summary>Moves the keys of the slot in every database.</summary>
    /// <param name="first">The maximum number of keys to move; null for all.</param>
    /// <exception cref="SlotChangedException">The flags of the slot changed.</exception>
    /// <exception cref="OperationCanceledException">A stop was requested. The current batch was completed.</exception>
    /// <exception cref="RedisOperationException">The keys can't be moved.</exception>
    public async Task MoveAllAsync(int? first)
    {
        // A few keys have moved before the batch size could be adapted.
        if (_move.Keys is not < FewKeys)
            await _timing.MeasureAsync().ConfigureAwait(false);
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
                // Without this limit, keys that stay on the source although MIGRATE succeeds would make the loop endless.
                var isStuck = keys.Count > 0 && KeyBytes.Comparer.Equals(head, keys[0])
                    && before == (_tally.Moved, _tally.Missing, _brokenTransfers, _waits);
                idle = isStuck ? idle + 1 : 0;
                if (idle >= MostIdleListings)
                    throw NotTaken(keys);
                head = keys.Count > 0 ? keys[0] : [];
            }
        }
    }

    /// <summary>Moves only these keys of database 0, which all hash to the slot.</summary>
    public async Task MoveThoseAsync(IReadOnlyList<byte[]> keys)
    {
        await _timing.MeasureAsync().ConfigureAwait(false);
        var waiting = new List<byte[]>(keys);
        while (waiting.Count > 0)
        {
            // The batch size is applied each time: it shrinks after a broken transfer, down to the one key that can't be transferred.
            var named = waiting.Take(_batch.Size).ToList();
            // MIGRATE replies OK if only some of its keys exist, so missing keys are found beforehand.
            var batch = await _channel.StillOnSourceAsync(named).ConfigureAwait(false);
            // Unless the batch moved without an error, the same keys are tried again, except those that have left the source.
            var left = batch.Count == 0 ? [] : await MoveBatchAsync(batch, null).ConfigureAwait(false);
            if (left is { Count: > 0 })
                throw NotTaken(left);
            if (left is not null)
                waiting.RemoveRange(0, named.Count);
        }

        Report(force: true);
    }

    private int Left(int? first) => first is { } limit ? (int)Math.Max(0, limit - (_tally.Moved - _movedBefore)) : int.MaxValue;

    /// <returns>
    /// The keys that the listing returned (empty without a listing); null if the batch had an error and the source has to be listed again.
    /// </returns>
    private async Task<IReadOnlyList<byte[]>?> MoveBatchAsync(List<byte[]> keys, RespCommand? listing)
    {
        _stop.ThrowIfRequested();
        if (_mustAskTarget && await _channel.OnTargetAsync(keys).ConfigureAwait(false) is { Count: > 0 } known)
        {
            await _conflicts.SettleAsync(known).ConfigureAwait(false);
            return null;
        }

        // Keys whose own MIGRATE broke in this run are sent separately, with REPLACE.
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
        var left = listed ?? (_mustAskTarget ? await _channel.StillOnSourceAsync(keys).ConfigureAwait(false) : []);
        Uncount(reply, keys, left);
        return left;
    }

    /// <returns>The reply (Unknown if the connection broke), and the keys that the listing returned; null without a listing.</returns>
    private async Task<(MigrateReply Reply, IReadOnlyList<byte[]>? Listed)> SendAsync(List<byte[]> keys, bool replace, RespCommand? listing)
    {
        var commands = new List<RespCommand> { _move.Migrate.For(_channel.Database, replace, keys) };
        // The listing of the next keys is pipelined: the source replies to it after the MIGRATE.
        if (listing is not null)
            commands.Add(listing);
        IReadOnlyList<RespValue> replies = [];
        TimeSpan stall;
        try
        {
            var source = await _channel.SourceAsync().ConfigureAwait(false);
            // The keys may have been compared just now, so the nodes rest after the batch, not before it.
            stall = await _timing.RunNowAsync(1, async () => replies = await source
                .SendAsync(commands, MigrateRules.ReplyTimeout(_options), _stop.Abort).ConfigureAwait(false)).ConfigureAwait(false);
        }
        catch (RedisConnectionException lost) when (lost.OutcomeUnknown)
        {
            await AfterBrokenTransferAsync(keys, lost.Message).ConfigureAwait(false);
            return (MigrateReply.Unknown, null);
        }

        var reply = MigrateRules.Read(replies[0]);
        await HandleAsync(reply, replies[0].Text, keys, stall).ConfigureAwait(false);
        return (reply, listing is null || reply is not (MigrateReply.Moved or MigrateReply.NothingThere)
            ? null
            : SlotChannel.Keys(replies[1].OrThrow(_move.Source.View!.Dialled, listing)));
    }

    // Garnet replies OK for keys that it did not accept (names over a kilobyte), so only keys that have left the source count.
    private void Uncount(MigrateReply reply, List<byte[]> keys, IReadOnlyList<byte[]> left)
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

    private async Task HandleAsync(MigrateReply reply, string text, List<byte[]> keys, TimeSpan stall)
    {
        switch (reply)
        {
            case MigrateReply.Moved:
                _tally.Moved += keys.Count;
                _interrupted.ExceptWith(keys);
                (_brokenTransfers, _waits) = (0, 0);
                _batch.Adapt(keys.Count, stall, _timing.Longest, _timing.Limit);
                Report(force: false);
                _timing.Took(stall);
                await _timing.RestAsync().ConfigureAwait(false);
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
            case MigrateReply.PayloadRefused or MigrateReply.ValueTooLarge or MigrateReply.Failed when keys.Count > 1:
                _tally.Moved += keys.Count - (await _channel.StillOnSourceAsync(keys).ConfigureAwait(false)).Count;
                _batch.Shrink(keys: 1); // The others have moved. A batch of one key names it.
                return;
            case MigrateReply.PayloadRefused or MigrateReply.ValueTooLarge or MigrateReply.TryLater:
                throw Refused(await new RefusedKey(_channel, _move, _stop).ExplainAsync(reply, keys[0], text).ConfigureAwait(false));
            case MigrateReply.SlotChanged:
                throw new SlotChangedException(Refused(FailureCode.SlotNotOpen, text, ShowSlot));
            default:
                var (code, next) = MigrateRules.FailureOf(reply, _move);
                throw Refused(code, reply == MigrateReply.Failed ? "key " + Printable.Quote(keys[0]) + ": " + text : text, next);
        }
    }

    // The target may have the keys, and the source still has them. Both flags are read after a pause: as long as neither has changed,
    // clients use the copies on the source, which may replace those on the target.
    private async Task AfterBrokenTransferAsync(List<byte[]> keys, string reason)
    {
        var count = Count(keys.Count, "key");
        var why = Printable.Clean(reason, 160);
        _log?.Warning(_move.Slot, "Slot " + Slot + ": a transfer of " + count + " broke (" + why + "). Checking source and target again.");
        if (++_brokenTransfers > MostBrokenTransfers && keys.Count == 1)
            throw Refused(await new RefusedKey(_channel, _move, _stop).BrokenAsync(keys[0], reason, _options).ConfigureAwait(false));
        // Clients write to the target of a reverse move. What they have written since must not be replaced by what was sent before.
        if (!_move.IsReverse)
            _interrupted.UnionWith(keys);
        _batch.Shrink(keys.Count);
        await _stop.PauseAsync(RetryPause).ConfigureAwait(false);
        if (!await _channel.IsOpenAsync().ConfigureAwait(false))
            throw new SlotChangedException(Refused(FailureCode.SlotNotOpen, reason, ShowSlot));
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

    private RedisOperationException NotTaken(IReadOnlyList<byte[]> keys) => Refused(
        FailureCode.ServerError,
        "MIGRATE reported success for key " + Printable.Clean(Printable.Quote(keys[0]), 200) + ", but the source still has it",
        new NextAction(NextActionCode.ShowKeys) { Slots = Slot, Node = _move.Source.Name });

    private RedisOperationException Refused((FailureCode Code, string Why, NextAction Next) key) => Refused(key.Code, key.Why, key.Next);

    private RedisOperationException Refused(FailureCode code, string error, NextAction next) => new(
        code,
        "Slot " + Slot + ": moving keys from " + _move.Source.Name + " to " + _move.Target.Name + " failed: " + Printable.Clean(error)
            + ". The slot stays open and no key is lost.",
        Slot, next);
}
