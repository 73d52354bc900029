using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration.Keys;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>
/// Empties many open slots of one source into one target: MIGRATEs of several slots and the listings of the next keys go to the source in
/// one pipelined batch. A surprise (a key that exists on the target, a transfer that broke) defers its slot.
/// </summary>
/// <remarks>
/// A server serves little else while it answers such a batch. So the whole batch, not the single MIGRATE, is kept within the time that
/// clients may wait. No more than the keys of two batches, or a thousand, are in memory, however large a slot is.
/// </remarks>
internal sealed class SlotStream(MoveContext context, ClusterNode source, ClusterNode target, StopRequest stop)
{
    // Keys that are listed while a batch is small and no client waits.
    private const int MostAhead = 1000;

    private readonly ClusterReader _reader = context.Reader;
    private readonly MovePace _pace = context.Pace;
    private readonly MigrateCommand _command = context.CommandFor(source, target);
    private readonly BatchTiming _timing = context.TimingOf(source, target, stop);
    private readonly AdaptiveBatch _batch = new(most: AdaptiveBatch.LimitOf(context.Options));
    private readonly RefusingTarget _refusing = new(context, source, target, stop);

    /// <summary>
    /// Moves the keys of those slots that are open, in every database, until a listing of each returns fewer keys than asked for.
    /// </summary>
    /// <exception cref="OperationCanceledException">A stop was requested; the batch in hand was finished.</exception>
    /// <exception cref="RedisOperationException">No slot can be moved between these two nodes now.</exception>
    public async Task DrainAsync(IReadOnlyList<SlotMove> slots)
    {
        for (var database = 0; database < (source.View?.Databases ?? 1); database++)
        {
            var filled = slots.Where(slot => slot is { IsDeferred: false, State: SlotMoveState.Open, Keys: > 0 }).ToList();
            await DrainAsync(filled, database).ConfigureAwait(false);
        }
    }

    private async Task DrainAsync(IReadOnlyList<SlotMove> slots, int database)
    {
        var unlisted = new Queue<SlotMove>(slots);
        var listed = new Queue<Portion>();
        while (unlisted.Count > 0 || listed.Count > 0)
        {
            stop.ThrowIfRequested();
            await _pace.WaitAsync(source, target, stop).ConfigureAwait(false);
            var moving = await TakeAsync(listed, database).ConfigureAwait(false);
            var listing = Ask(unlisted, moving, listed.Sum(portion => portion.Keys.Count));
            if (moving.Count + listing.Count > 0)
                await ExchangeAsync(moving, listing, listed, database).ConfigureAwait(false);
        }
    }

    // As many keys as one batch may hold. A large slot takes several batches.
    private async Task<List<Portion>> TakeAsync(Queue<Portion> listed, int database)
    {
        var moving = new List<Portion>();
        var left = _batch.Size;
        while (left > 0 && listed.Count > 0)
        {
            var portion = listed.Peek();
            var most = context.Options.BatchSize > 0 ? Math.Min(left, context.Options.BatchSize) : left;
            if (portion.Slot.IsDeferred)
            {
                listed.Dequeue();
                continue;
            }

            if (portion.Keys.Count <= most)
                moving.Add(listed.Dequeue());
            else
                moving.Add(portion.Split(most));
            left -= moving[moving.Count - 1].Keys.Count;
        }

        return MigrateRules.MustAskTarget(target) ? await WithoutKnownAsync(moving, database).ConfigureAwait(false) : moving;
    }

    // Lists slots until there are enough keys for the batch after this one.
    private List<Portion> Ask(Queue<SlotMove> unlisted, List<Portion> moving, int ready)
    {
        // A listing with fewer keys than asked for is complete: a migrating source gets no new keys.
        var listing = moving.Where(portion => portion.IsLast && portion.MayBeMore)
            .Select(portion => new Portion(portion.Slot, Math.Max(2 * _batch.Size, 2))).ToList();
        // Enough for a batch that has grown meanwhile. To a distant node each listing takes a round trip.
        var ahead = Math.Max(2 * _batch.Size, _timing.HasClients ? 0 : MostAhead);
        var coming = ready + listing.Sum(portion => portion.Asked);
        while (coming < ahead && unlisted.Count > 0)
        {
            var slot = unlisted.Dequeue();
            var most = (int)Math.Min(Math.Max(slot.Keys + 1, 16), ahead);
            listing.Add(new Portion(slot, Math.Max(most, 2)));
            coming += (int)Math.Min(slot.Keys, most);
        }

        return listing;
    }

    private async Task ExchangeAsync(List<Portion> moving, List<Portion> listing, Queue<Portion> listed, int database)
    {
        var commands = moving.Select(portion => _command.For(database, replace: false, portion.Keys))
            .Concat(listing.Select(portion => RespCommand.Of("CLUSTER", "GETKEYSINSLOT", portion.Slot.Slot, portion.Asked))).ToList();
        var connection = await _reader.ConnectForKeysAsync(source, database, stop.Abort).ConfigureAwait(false);
        IReadOnlyList<RespValue> replies = [];
        TimeSpan stall;
        var isSent = false;
        try
        {
            var timeout = MigrateRules.ReplyTimeout(context.Options);
            stall = await _timing.RunAsync(1, async () =>
            {
                isSent = true;
                replies = await connection.SendAsync(commands, timeout, stop.Abort).ConfigureAwait(false);
            }).ConfigureAwait(false);
        }
        catch (Exception lost) when (isSent && lost is OperationCanceledException or RedisConnectionException { OutcomeUnknown: true })
        {
            // The keys may be on the target, or still arrive there. Their slots are neither untouched nor empty, whatever a count says.
            foreach (var portion in moving)
                Break(portion, lost.Message);
            throw;
        }

        var answers = moving.Zip(replies, (portion, reply) => new PortionReply(portion, MigrateRules.Read(reply), reply.Text)).ToList();
        var refused = answers.Where(answer => !IsSettled(answer)).ToList();
        if (answers.Exists(answer => answer.Kind is MigrateReply.Moved or MigrateReply.KeyExists or MigrateReply.PayloadRefused))
            _refusing.Accepted();
        else if (refused.Find(answer => answer.Kind == MigrateReply.TryLater) is { } later)
            _refusing.Refused(later.Text);
        var settled = moving.Except(refused.Select(answer => answer.Portion)).ToList();
        // A portion that was refused is sent again, and then listed again.
        for (var i = 0; i < listing.Count; i++)
        {
            if (!refused.Exists(answer => answer.Portion.IsLast && answer.Portion.Slot == listing[i].Slot))
                Read(replies[moving.Count + i], listing[i], settled, listed);
        }

        foreach (var answer in refused.Where(answer => !IsTemporary(answer)))
            await DeferAsync(answer, database).ConfigureAwait(false);
        if (refused.Where(IsTemporary).ToList() is { Count: > 0 } temporary)
            await RetryAsync(temporary, listed, database).ConfigureAwait(false);
        var keys = moving.Sum(portion => portion.Keys.Count);
        if (keys > 0)
            _batch.Adapt(keys, stall, _timing.Longest, _timing.Limit);
        _pace.Moved(keys);
        context.ReportProgress();
    }

    // False if keys of the portion have to be sent again, or the slot has to be moved individually.
    private bool IsSettled(PortionReply answer)
    {
        var (portion, kind, text) = answer;
        switch (kind)
        {
            case MigrateReply.Moved:
                portion.Slot.Moved += portion.Keys.Count;
                context.Count.Keys(portion.Keys.Count);
                return true;
            case MigrateReply.NothingThere:
                portion.Slot.Gone += portion.Keys.Count;
                context.Count.Keys(portion.Keys.Count);
                return true;
            case MigrateReply.Unknown:
                Break(portion, text);
                return true;
            default:
                return false;
        }
    }

    private static bool IsTemporary(PortionReply answer) => answer.Kind is MigrateReply.TryLater or MigrateReply.OutOfMemory;

    private async Task RetryAsync(List<PortionReply> refused, Queue<Portion> listed, int database)
    {
        // It has accepted others since it refused these.
        var refusesOnlyThese = refused.TrueForAll(answer => answer.Portion.WasRetried);
        var isDown = _refusing.IsRefusing && !refusesOnlyThese;
        if (isDown)
            await _refusing.WaitAsync().ConfigureAwait(false);
        var wasFull = !isDown && refused.Exists(answer => answer.Kind == MigrateReply.OutOfMemory)
            && await _pace.WaitForRoomAsync(source, target, stop).ConfigureAwait(false);
        foreach (var answer in refused)
        {
            var portion = answer.Portion;
            if (!isDown && (answer.Kind == MigrateReply.TryLater ? portion.WasRetried : !wasFull))
            {
                await DeferAsync(answer, database).ConfigureAwait(false);
                continue;
            }

            portion.WasRetried |= !isDown && answer.Kind == MigrateReply.TryLater;
            listed.Enqueue(portion);
        }
    }

    // This includes errors that concern every slot: the individual move determines what they mean.
    private async Task DeferAsync(PortionReply answer, int database)
    {
        var (portion, kind, text) = answer;
        portion.Slot.Defer(kind == MigrateReply.OutOfMemory ? target.Name + " has no room for its keys" : Printable.Clean(text, 200));
        portion.Slot.Moved += await CountMovedAsync(portion, kind, database).ConfigureAwait(false);
    }

    // MIGRATE reports one error for all its keys, and others of them may have moved.
    private async Task<int> CountMovedAsync(Portion portion, MigrateReply kind, int database)
    {
        if (kind is MigrateReply.NotAllowed or MigrateReply.NotLoggedIn or MigrateReply.Unreachable)
            return 0;
        var move = new MoveKeys(portion.Slot.Slot, source, target, _command, portion.Keys.Count);
        var channel = new SlotChannel(_reader, move, stop) { Database = database };
        try
        {
            return portion.Keys.Count - (await channel.StillOnSourceAsync(portion.Keys).ConfigureAwait(false)).Count;
        }
        catch (RedisServerException)
        {
            return 0;
        }
    }

    private static void Read(RespValue reply, Portion portion, List<Portion> sent, Queue<Portion> listed)
    {
        if (reply.IsError)
        {
            portion.Slot.Defer(Printable.Clean(reply.Text, 200));
            return;
        }

        var keys = SlotChannel.Keys(reply);
        // Garnet answers OK for keys that it did not accept (names longer than a kilobyte).
        if (keys.Count > 0 && sent.Any(one => one.Slot == portion.Slot && Holds(one.Keys, keys[0])))
            portion.Slot.Defer("MIGRATE reported success for keys that the source still has");
        if (!portion.Slot.IsDeferred && keys.Count > 0)
            listed.Enqueue(portion with { Keys = keys });
    }

    private static bool Holds(IReadOnlyList<byte[]> keys, byte[] key) => keys.Any(sent => KeyBytes.Comparer.Equals(sent, key));

    private static void Break(Portion portion, string why)
    {
        portion.Slot.Interrupted.AddRange(portion.Keys);
        portion.Slot.Defer(Printable.Clean(why, 200));
    }

    // A slot of which the target has a key is moved individually.
    private async Task<List<Portion>> WithoutKnownAsync(List<Portion> moving, int database)
    {
        if (moving.Count == 0)
            return moving;
        var asked = moving.SelectMany(portion => portion.Keys)
            .SelectMany(key => new[] { RespCommand.Of("ASKING"), RespCommand.Of("EXISTS", key) }).ToList();
        var connection = await _reader.ConnectAsync(target, database, stop.Abort).ConfigureAwait(false);
        var replies = await connection.SendAsync(asked, null, stop.Abort).ConfigureAwait(false);
        var at = 1;
        foreach (var portion in moving)
        {
            foreach (var _ in portion.Keys)
            {
                if (replies[at].IsError || replies[at].Integer > 0)
                    portion.Slot.Defer(target.Name + " already has a key of it");
                at += 2;
            }
        }

        return moving.Where(portion => !portion.Slot.IsDeferred).ToList();
    }
}
