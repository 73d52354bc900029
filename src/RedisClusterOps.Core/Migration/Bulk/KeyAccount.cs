using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Migration.Keys;
using RedisClusterOps.Protocol;
using static RedisClusterOps.Protocol.Numbers;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>What the account of a slot says.</summary>
/// <param name="Remark">What to know of a success; null if there is nothing.</param>
/// <param name="Failure">Why the slot did not keep its keys; null if it did.</param>
internal sealed record SlotAccount(SlotMove Slot, string? Remark, RedisOperationException? Failure);

/// <summary>Counts whether the keys that a pair of masters moved are on the target: a success counts keys.</summary>
/// <remarks>
/// MIGRATE reports success only for keys that the target has accepted. Only an eviction takes them away again without a client, so the keys
/// are counted only if the target has evicted any. The servers' own migration reports success even if the target could not take a key, so
/// there they are always counted. The counters are part of one INFO for many slots.
/// </remarks>
internal sealed class KeyAccount(ClusterReader reader, MasterPair pair)
{
    private static readonly RespCommand Stats = RespCommand.Of("INFO", "stats");
    private static readonly RespCommand Calls = RespCommand.Of("INFO", "commandstats");

    // The keys of each slot that was reported as moved, and how many keys the target had evicted when they were counted.
    private readonly Dictionary<SlotMove, (long Keys, long Evicted)> _settled = [];
    private NodeCounters _source = NodeCounters.Of(pair.Source.View?.Facts ?? ServerFacts.None);
    private readonly NodeCounters _target = NodeCounters.Of(pair.Target.View?.Facts ?? ServerFacts.None);

    // Slots whose keys could not be counted when they were reported.
    private readonly List<SlotMove> _uncounted = [];

    // Missing keys that were taken for expired ones. Each expiration explains one of them.
    private long _explained;

    /// <summary>Reads whether clients use the source, before the servers move its slots.</summary>
    /// <exception cref="RedisOperationException">The source does not answer.</exception>
    public async Task OpenAsync(CancellationToken abort) =>
        _source = NodeCounters.Of(await ReadAsync(pair.Source, abort).ConfigureAwait(false));

    /// <summary>Judges slots that every node reports as the target's.</summary>
    public async Task<IReadOnlyList<SlotAccount>> SettleAsync(IReadOnlyList<SlotMove> slots, CancellationToken abort)
    {
        try
        {
            var (accounts, evicted) = await CountAsync(slots, abort).ConfigureAwait(false);
            lock (_settled)
            {
                foreach (var account in accounts.Where(account => account.Failure is null))
                    _settled[account.Slot] = (account.Slot.Moved, evicted);
            }

            return accounts;
        }
        catch (Exception failure) when (failure is RedisOperationException or OperationCanceledException)
        {
            lock (_settled)
                _uncounted.AddRange(slots);
            return slots.Select(slot => new SlotAccount(slot, Uncounted(slot), null)).ToList();
        }
    }

    /// <summary>Judges at the end whether slots that were reported as moved lack keys.</summary>
    /// <returns>An account of each slot that does.</returns>
    public async Task<IReadOnlyList<SlotAccount>> CloseAsync(CancellationToken abort)
    {
        try
        {
            var counted = _uncounted.Count == 0 ? [] : (await CountAsync(_uncounted, abort).ConfigureAwait(false)).Accounts;
            var lost = await FindLostAsync(abort).ConfigureAwait(false);
            return [.. counted.Where(account => account.Failure is not null), .. lost];
        }
        catch (Exception failure) when (failure is RedisOperationException or OperationCanceledException)
        {
            return [];
        }
    }

    // Only an eviction takes away keys that were counted.
    private async Task<IReadOnlyList<SlotAccount>> FindLostAsync(CancellationToken abort)
    {
        if (_settled.Count == 0)
            return [];
        var (_, evicted) = await ReadAsync(abort).ConfigureAwait(false);
        var slots = _settled.Where(each => each.Value.Evicted < evicted).Select(each => each.Key).OrderBy(slot => slot.Slot).ToList();
        if (slots.Count == 0)
            return [];
        var counts = await CountOnTargetAsync(slots, abort).ConfigureAwait(false);
        var lost = slots.Zip(counts, (slot, count) => (Slot: slot, All: _settled[slot].Keys, Missing: _settled[slot].Keys - count))
            .Where(each => each.Missing > 0).ToList();
        if (lost.Count == 0)
            return [];
        var failure = Missing(
            lost.Select(each => each.Slot).ToList(), lost.Sum(each => each.Missing!.Value), lost.Sum(each => each.All),
            Evictions(evicted), evicted);
        return lost.Select(each => new SlotAccount(each.Slot, null, failure)).ToList();
    }

    // Slots of a task that another run began were not counted before it.
    private string? Uncounted(SlotMove slot) => pair.IsAtomic && slot.Keys > 0
        ? Count(slot.Keys, "key") + " were counted before the move. " + pair.Target.Name + " was not asked how many of them arrived."
        : null;

    private async Task<(IReadOnlyList<SlotAccount> Accounts, long Evicted)> CountAsync(
        IReadOnlyList<SlotMove> slots, CancellationToken abort)
    {
        var (expired, evicted) = await ReadAsync(abort).ConfigureAwait(false);
        var counted = pair.IsAtomic || evicted > 0 ? slots.Where(slot => Expected(slot) > 0).ToList() : [];
        if (counted.Count == 0)
            return (slots.Select(slot => new SlotAccount(slot, null, null)).ToList(), evicted);
        var counts = await CountOnTargetAsync(counted, abort).ConfigureAwait(false);
        var now = counted.Zip(counts, (slot, count) => (slot, count)).ToDictionary(each => each.slot, each => each.count);
        var missing = now.Sum(each => each.Value is { } count ? Math.Max(0, Expected(each.Key) - count) : 0);
        // Expired keys are no loss. A key that expires while the servers move it is in no counter.
        var mayExpire = evicted == 0 && Explains(expired, missing);
        var mayHaveExpired = pair.Source.View?.Facts.HasExpiringKeys != false;
        var hasClients = evicted == 0 && missing > 0 && !mayExpire && await HadClientsAsync(abort).ConfigureAwait(false);
        return (
            slots.Select(slot => now.TryGetValue(slot, out var count) ? Judge(slot, count) : new SlotAccount(slot, null, null)).ToList(),
            evicted);

        SlotAccount Judge(SlotMove slot, long? count)
        {
            var expected = Expected(slot);
            if (count is not { } there)
                return new SlotAccount(slot, Uncounted(slot), null);
            if (pair.IsAtomic)
                slot.Moved = Math.Min(there, expected);
            if (there >= expected || mayExpire)
                return new SlotAccount(slot, null, null);
            if (evicted > 0)
                return new SlotAccount(slot, null, Missing([slot], expected - there, expected, Evictions(evicted), evicted));
            if (!hasClients && !mayHaveExpired)
                return new SlotAccount(slot, null, Missing([slot], expected - there, expected, NotTaken(), evicted));
            return new SlotAccount(
                slot,
                Number(expected - there) + " of " + Count(expected, "key") + " that were counted before the move are not on "
                    + pair.Target.Name + ". " + (hasClients ? "Clients used " + pair.Source.Name + " meanwhile, and may have deleted them."
                        : "Some of them have a time to live, and may have expired."),
                null);
        }
    }

    private long Expected(SlotMove slot) => pair.IsAtomic ? slot.Keys : slot.Moved;

    private bool Explains(long expired, long missing)
    {
        lock (_settled)
        {
            if (_explained + missing > expired)
                return false;
            _explained += missing;
            return true;
        }
    }

    private string Evictions(long evicted) => KeyLoss.Evictions(pair.Target, evicted);

    private string NotTaken() => "No client used " + pair.Source.Name + " meanwhile, and no key was evicted: " + pair.Target.Name
        + " may not have been able to take them.";

    private RedisOperationException Missing(IReadOnlyList<SlotMove> slots, long missing, long all, string why, long evicted) =>
        KeyLoss.Missing(pair.Target, SlotSet.From(slots.Select(slot => slot.Slot)), missing, all, why, evicted);

    private async Task<bool> HadClientsAsync(CancellationToken abort)
    {
        var calls = NodeCounters.Of(await ReadAsync(pair.Source, abort).ConfigureAwait(false)).Calls;
        return calls is null || _source.Calls is null || calls != _source.Calls;
    }

    private async Task<IReadOnlyList<long?>> CountOnTargetAsync(IReadOnlyList<SlotMove> slots, CancellationToken abort)
    {
        var connection = await reader.ConnectAsync(pair.Target, abort).ConfigureAwait(false);
        var numbers = slots.Select(slot => slot.Slot).ToList();
        return await SlotKeyCounter.CountAsync(connection, pair.Target.View!.Databases, numbers, abort).ConfigureAwait(false);
    }

    private async Task<(long Expired, long Evicted)> ReadAsync(CancellationToken abort)
    {
        var target = NodeCounters.Of(await ReadAsync(pair.Target, abort).ConfigureAwait(false));
        var expired = NodeCounters.Since(_target.Expired, target.Expired);
        if (pair.IsAtomic)
        {
            var source = NodeCounters.Of(await ReadAsync(pair.Source, abort).ConfigureAwait(false));
            expired += NodeCounters.Since(_source.Expired, source.Expired);
        }

        return (expired, NodeCounters.Since(_target.Evicted, target.Evicted));
    }

    // A user without the right to run INFO gets no account.
    private async Task<ServerFacts> ReadAsync(ClusterNode node, CancellationToken abort)
    {
        var connection = await reader.ConnectAsync(node, abort).ConfigureAwait(false);
        var replies = await connection.SendAsync(pair.IsAtomic ? [Stats, Calls] : [Stats], null, abort).ConfigureAwait(false);
        return ServerFacts.Parse(string.Join("\n", replies.Where(reply => !reply.IsError).Select(reply => reply.Text)));
    }
}
