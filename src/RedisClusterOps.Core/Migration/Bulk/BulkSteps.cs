using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration.Keys;
using RedisClusterOps.Migration.Slot;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;
using static RedisClusterOps.Protocol.Numbers;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>
/// Carries out the steps of many slots whose owner stays, each step for all slots in pipelined batches: flags are set or cleared, and keys
/// return to the owner. The rules of each step are those of a single slot (<see cref="SlotSteps"/>).
/// </summary>
/// <param name="reader">Reads the cluster.</param>
/// <param name="options">How keys are moved.</param>
/// <param name="tallies">Counts the keys of each slot.</param>
/// <param name="log">The log; null for none.</param>
/// <param name="stop">Requests a stop.</param>
internal sealed class BulkSteps(
    ClusterReader reader, MoveOptions options, IReadOnlyDictionary<int, KeyTally> tallies, OperationLog? log, StopRequest stop)
{
    // The other keys of a larger slot are left to its mover.
    private const int KeysPerSlot = 500;

    private readonly HashSet<int> _refused = [];

    /// <summary>True if a plan consists of such steps.</summary>
    public static bool CanRun(SlotPlan plan) => plan.Refusal is null && plan.Actions.Count > 0
        && plan is { Request: UndoRequest or RepairRequest } && plan.Actions.All(action => action
            is CorrectOwner or SetImporting or StopMigrating or StopImporting or ClearReplicaFlags or MoveKeys { IsReverse: true });

    /// <summary>Carries out the steps.</summary>
    /// <returns>
    /// The slots that need another plan: a command was refused, a slot is not as a step needs it, or a key needs checks of its own.
    /// </returns>
    /// <exception cref="OperationCanceledException">A stop was requested.</exception>
    /// <exception cref="RedisOperationException">A node does not answer.</exception>
    public async Task<ISet<int>> RunAsync(IReadOnlyList<SlotPlan> plans)
    {
        // Slots with the same steps go together. The order of the steps of a slot matters, that of the slots does not.
        foreach (var alike in plans.GroupBy(plan => string.Join(" ", plan.Actions.Select(action => action.GetType().Name))))
        {
            var together = alike.ToList();
            for (var step = 0; step < together[0].Actions.Count; step++)
            {
                stop.ThrowIfRequested();
                var actions = together.Where(plan => !_refused.Contains(plan.Slot)).Select(plan => plan.Actions[step]).ToList();
                await RunAsync(actions).ConfigureAwait(false);
            }
        }

        return _refused;
    }

    // All actions are of the same type.
    private async Task RunAsync(IReadOnlyList<SlotAction> actions)
    {
        if (actions.Count == 0)
            return;
        switch (actions[0])
        {
            case CorrectOwner:
                await EachAsync(actions.Cast<CorrectOwner>(), action => (action.Node, action.Owner), CorrectAsync).ConfigureAwait(false);
                break;
            case SetImporting:
                await EachAsync(actions.Cast<SetImporting>(), action => (action.Target, action.Source), ImportAsync).ConfigureAwait(false);
                break;
            case StopMigrating:
                await EachAsync(actions.Cast<StopMigrating>(), action => (action.Node, action.Empty), StopMigratingAsync)
                    .ConfigureAwait(false);
                break;
            case StopImporting:
                await EachAsync(actions.Cast<StopImporting>(), action => (action.Node, null), StopImportingAsync).ConfigureAwait(false);
                break;
            case ClearReplicaFlags:
                await EachAsync(actions.Cast<ClearReplicaFlags>(), action => (action.Master, null), ClearReplicasAsync)
                    .ConfigureAwait(false);
                break;
            case MoveKeys:
                await MoveAsync(actions.Cast<MoveKeys>().ToList()).ConfigureAwait(false);
                break;
        }
    }

    // One batch for each pair of nodes.
    private static async Task EachAsync<T>(
        IEnumerable<T> actions, Func<T, (ClusterNode Node, ClusterNode? Other)> ends,
        Func<ClusterNode, ClusterNode?, IReadOnlyList<T>, Task> step)
    {
        foreach (var alike in actions.GroupBy(action => (ends(action).Node.Id, ends(action).Other?.Id)).Select(group => group.ToList()))
            await step(ends(alike[0]).Node, ends(alike[0]).Other, alike).ConfigureAwait(false);
    }

    private async Task CorrectAsync(ClusterNode node, ClusterNode? owner, IReadOnlyList<CorrectOwner> actions)
    {
        var slots = SlotSet.From(actions.SelectMany(action => action.Slots.Slots));
        await SendAsync(node, slots.Slots.ToList(), "NODE", owner!.Id).ConfigureAwait(false);
        log?.State(null, node.Name + " was sent " + owner.Name + " as the owner of slots " + Printable.Clean(slots.ToString(), 100));
    }

    private async Task ImportAsync(ClusterNode node, ClusterNode? source, IReadOnlyList<SetImporting> actions)
    {
        await new ClusterBusBarrier(reader, stop).AwaitAsync(source!, node, mayReturn: false).ConfigureAwait(false);
        await SendAsync(node, SlotsOf(actions), "IMPORTING", source!.Id).ConfigureAwait(false);
        log?.State(null, Number(actions.Count) + " slots: " + node.Name + " imports");
    }

    private async Task StopMigratingAsync(ClusterNode node, ClusterNode? empty, IReadOnlyList<StopMigrating> actions)
    {
        var slots = SlotsOf(actions);
        if (empty is not null)
        {
            // Keys on the target would read as missing.
            var counts = await CountAsync(empty, slots).ConfigureAwait(false);
            slots = Accepted(slots, (_, i) => counts[i] == 0);
        }

        await SendAsync(node, slots, "STABLE").ConfigureAwait(false);
        log?.State(null, Number(slots.Count) + " slots: " + node.Name + " no longer migrates them");
    }

    private async Task ClearReplicasAsync(ClusterNode master, ClusterNode? none, IReadOnlyList<ClearReplicaFlags> actions)
    {
        var now = (await reader.ReadNodeAsync(master, stop.Abort).ConfigureAwait(false)).Self;
        var slots = Accepted(SlotsOf(actions), (slot, _) => !now.MigratingTo.ContainsKey(slot) && !now.ImportingFrom.ContainsKey(slot));
        await SendAsync(master, slots, "STABLE").ConfigureAwait(false);
        log?.State(null, Number(slots.Count) + " slots: the flags of the replicas of " + master.Name + " were cleared");
    }

    // Keys may arrive until STABLE runs, so each slot is counted together with its STABLE. If the count is not zero, the flag is set again,
    // and servers that hide such keys show them again.
    private async Task StopImportingAsync(ClusterNode node, ClusterNode? none, IReadOnlyList<StopImporting> actions)
    {
        var all = SlotsOf(actions);
        var before = await CountAsync(node, all).ConfigureAwait(false);
        var slots = Accepted(all, (_, i) => before[i] is not > 0);
        var imports = (await reader.ReadNodeAsync(node, stop.Abort).ConfigureAwait(false)).Self.ImportingFrom;
        var connection = await reader.ConnectAsync(node, stop.Abort).ConfigureAwait(false);
        var databases = node.View!.Databases;
        IReadOnlyList<(long? Count, RespValue Clearing)> ends;
        try
        {
            ends = await SlotKeyCounter.CountAndClearFlagsAsync(connection, databases, slots, stop.Abort).ConfigureAwait(false);
        }
        catch (RedisServerException)
        {
            // After a refused SELECT the count of a database is unknown, but the STABLE that followed has run.
            foreach (var source in slots.Where(imports.ContainsKey).GroupBy(slot => imports[slot]))
                await SendAsync(node, source.ToList(), "IMPORTING", source.Key).ConfigureAwait(false);
            throw;
        }

        var left = ends.Select(end => end.Count).ToList();
        // Valkey runs STABLE only once its replicas have it, and serves clients meanwhile.
        if (node.View.Facts.Engine == ServerEngine.Valkey)
        {
            var after = await CountAsync(node, slots).ConfigureAwait(false);
            left = left.Select((count, i) => count == 0 ? after[i] : count).ToList();
        }

        var filled = slots.Where((_, i) => left[i] is > 0).ToList();
        foreach (var source in filled.Where(imports.ContainsKey).GroupBy(slot => imports[slot]))
            await SendAsync(node, source.ToList(), "IMPORTING", source.Key).ConfigureAwait(false);
        Accepted(slots, (_, i) => left[i] is not > 0 && !ends[i].Clearing.IsError);
        log?.State(null, Number(slots.Count) + " slots: " + node.Name + " no longer imports them");
    }

    // The many keys that move without a surprise go in pipelined batches. The mover of a slot settles the others, and repeats the slot
    // until the node holds no key of it.
    private async Task MoveAsync(IReadOnlyList<MoveKeys> moves)
    {
        await MoveOnceAsync(moves.Where(move => move.Keys != 0).ToList()).ConfigureAwait(false);
        var late = moves.Where(move => move.AwaitsLateKeys).ToList();
        for (var closed = stop.Clock.Now; late.Count > 0 && stop.Clock.Now - closed < KeyMover.LateFor;)
        {
            await stop.PauseAsync(KeyMover.LatePause).ConfigureAwait(false);
            await MoveOnceAsync(await FilledAsync(late).ConfigureAwait(false)).ConfigureAwait(false);
        }
    }

    private async Task MoveOnceAsync(IReadOnlyList<MoveKeys> moves)
    {
        var left = moves.Where(move => !_refused.Contains(move.Slot)).ToList();
        if (left.Count == 0)
            return;
        if (options.MaxKeysPerSecond <= 0)
        {
            foreach (var pair in left.Where(CanSend).GroupBy(move => (move.Source.Id, move.Target.Id)).Select(group => group.ToList()))
                await SendKeysAsync(pair).ConfigureAwait(false);
            left = await FilledAsync(left).ConfigureAwait(false);
        }

        foreach (var move in left)
        {
            try
            {
                await new KeyMover(reader, move with { AwaitsLateKeys = false }, options, tallies[move.Slot], log, stop)
                    .MoveAllAsync(null).ConfigureAwait(false);
            }
            catch (SlotChangedException)
            {
                _refused.Add(move.Slot);
            }
            catch (RedisOperationException failure) when (!RunResume.Ends(failure))
            {
                // The slot's own run reports it.
                _refused.Add(move.Slot);
            }
        }
    }

    private static bool CanSend(MoveKeys move) => (move.Source.View?.Databases ?? 1) == 1 && !MigrateRules.MustAskTarget(move.Target);

    // Lists the slots, and sends what was listed in batches within -BatchSize or -MaxStall. A key that exists on the target, or whose
    // transfer breaks, is left to the slot's mover.
    private async Task SendKeysAsync(IReadOnlyList<MoveKeys> moves)
    {
        var connection = await reader.ConnectAsync(moves[0].Source, stop.Abort).ConfigureAwait(false);
        var listings = moves.Select(move => RespCommand.Of("CLUSTER", "GETKEYSINSLOT", move.Slot, KeysPerSlot)).ToList();
        var listed = await connection.SendAsync(listings, null, stop.Abort).ConfigureAwait(false);
        var keys = moves.SelectMany((move, i) => listed[i].IsError ? [] : SlotChannel.Keys(listed[i]).Select(key => (Move: move, Key: key)))
            .ToList();
        var timing = new BatchTiming(PaceOf(moves[0].Source), PaceOf(moves[0].Target), stop);
        var batch = new AdaptiveBatch(options.BatchSize);
        for (var next = 0; next < keys.Count;)
        {
            stop.ThrowIfRequested();
            var sent = keys.GetRange(next, Math.Min(batch.Size, keys.Count - next));
            var portions = sent.GroupBy(each => each.Move.Slot).Select(slot => slot.ToList()).ToList();
            var commands = portions
                .Select(slot => slot[0].Move.Migrate.For(0, replace: false, slot.Select(each => each.Key).ToList())).ToList();
            IReadOnlyList<RespValue> replies = [];
            TimeSpan stall;
            try
            {
                stall = await timing.RunAsync(1, async () =>
                    replies = await connection.SendAsync(commands, MigrateRules.ReplyTimeout(options), stop.Abort).ConfigureAwait(false))
                    .ConfigureAwait(false);
            }
            catch (RedisConnectionException lost) when (lost.OutcomeUnknown)
            {
                log?.Warning(null, "A transfer of " + Count(sent.Count, "key") + " broke (" + Printable.Clean(lost.Message, 160)
                    + "). Checking source and target again.");
                return;
            }

            for (var i = 0; i < portions.Count; i++)
            {
                if (MigrateRules.Read(replies[i]) == MigrateReply.Moved)
                    tallies[portions[i][0].Move.Slot].Moved += portions[i].Count;
            }

            batch.Adapt(sent.Count, stall, timing.Longest, timing.Limit);
            next += sent.Count;
        }

        NodePace PaceOf(ClusterNode node) => new(reader, node, options.MaxStall, log);
    }

    private async Task<List<MoveKeys>> FilledAsync(IReadOnlyList<MoveKeys> moves)
    {
        var filled = new List<MoveKeys>();
        foreach (var source in moves.GroupBy(move => move.Source.Id).Select(group => group.ToList()))
        {
            var counts = await CountAsync(source[0].Source, SlotsOf(source)).ConfigureAwait(false);
            filled.AddRange(source.Where((_, i) => counts[i] != 0));
        }

        return filled;
    }

    private async Task<IReadOnlyList<long?>> CountAsync(ClusterNode node, IReadOnlyList<int> slots)
    {
        var connection = await reader.ConnectAsync(node, stop.Abort).ConfigureAwait(false);
        return await SlotKeyCounter.CountAsync(connection, node.View!.Databases, slots, stop.Abort).ConfigureAwait(false);
    }

    private async Task SendAsync(ClusterNode node, IReadOnlyList<int> slots, params object[] action)
    {
        var replies = await new SetSlotBatch(reader, node, node.View!, stop).SendAsync(slots, action).ConfigureAwait(false);
        Accepted(slots, (_, i) => replies[i] is { IsError: false });
    }

    // The others are refused.
    private List<int> Accepted(IReadOnlyList<int> slots, Func<int, int, bool> isAccepted)
    {
        var accepted = slots.Where(isAccepted).ToList();
        _refused.UnionWith(slots.Except(accepted));
        return accepted;
    }

    private static List<int> SlotsOf(IEnumerable<SlotAction> actions) => actions.Select(action => action.Slot).ToList();
}
