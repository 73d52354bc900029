using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Planning.Slots;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Planning.Preflight;

/// <summary>Asks the nodes what a plan depends on. Changes nothing.</summary>
/// <remarks>One instance serves an invocation, one plan after another. It reads each node's facts once and samples each slot.</remarks>
internal sealed class PreflightReader
{
    private readonly ClusterReader _reader;
    private readonly NodeSettingsReader _settings;
    private readonly SlotLoadReader _loads;
    private readonly CommandRights _rights;
    private readonly OtherToolDetector _detector;
    private bool _hasDetected;
    private OtherTool? _otherTool;

    /// <summary>The view that the plans below were made from. A newer view includes their effects.</summary>
    private ClusterView? _view;
    private readonly Dictionary<(string NodeId, int Slot), long> _arriving = [];
    private readonly Dictionary<string, (HashSet<int> Slots, SortedSet<string> Takers)> _leaving = [];

    public PreflightReader(ClusterReader reader)
    {
        _reader = reader;
        var probe = new NodeProbe(reader);
        _settings = new NodeSettingsReader(probe);
        _loads = new SlotLoadReader(probe);
        _rights = new CommandRights(probe);
        _detector = new OtherToolDetector(probe);
    }

    /// <summary>False to check nothing, as in a simulation.</summary>
    public bool LooksAhead { get; set; } = true;

    /// <summary>Measures the keys of many slots at once, which are checked one by one afterwards.</summary>
    public Task PrepareAsync(IEnumerable<MoveKeys> moves, CancellationToken cancellation) => _loads.PrepareAsync(moves, cancellation);

    /// <param name="situation">The slot that the plan was made for.</param>
    /// <param name="source">The source of the slot.</param>
    /// <param name="target">The target of the slot.</param>
    /// <param name="actions">The actions of the plan. Nothing is checked if there are none.</param>
    /// <param name="cancellation">Cancels the check.</param>
    /// <param name="scope">The slots that this one is a sample of; null if it stands for itself.</param>
    public async Task<PreflightResult> CheckAsync(
        SlotSituation situation,
        ClusterNode source,
        ClusterNode target,
        IReadOnlyList<SlotAction> actions,
        CancellationToken cancellation,
        PreflightScope? scope = null)
    {
        if (actions.Count == 0 || !LooksAhead)
            return new PreflightResult([], null);
        var (view, slot) = (situation.View, situation.Slot);
        Remember(view);
        var other = await FindOtherToolAsync(view, cancellation).ConfigureAwait(false);
        var move = actions.OfType<MoveKeys>().FirstOrDefault();
        var (load, anyKey) = move is null ? (null, null) : await _loads.ReadAsync(move, cancellation).ConfigureAwait(false);
        if (scope?.Bytes is { } all && load is not null)
            load = load with { Bytes = Math.Max(all, load.Bytes ?? 0) };
        var isAtomic = scope is { IsAtomic: true };
        // A migration by the servers themselves needs none of our rights to move keys.
        var sent = scope is { IsAtomic: true, HasKeyByKeySlots: false } ? [] : actions;
        var settings = await Task.WhenAll(_settings.ReadAsync(source, cancellation), _settings.ReadAsync(target, cancellation))
            .ConfigureAwait(false);
        var (ofSource, ofTarget) = (settings[0], settings[1]);
        var atomicEnds = isAtomic ? new ReplicatingEnds(source, target, ofSource.ReplicationUser) : null;
        var denied = await _rights.FindDeniedAsync(view, sent, anyKey, atomicEnds, cancellation).ConfigureAwait(false);
        var (slotsLeft, takers) = SlotsLeft(view, scope?.Slots ?? [slot], actions);
        var facts = new PreflightFacts(view, slot, source, target, actions)
        {
            SourceSettings = ofSource,
            TargetSettings = ofTarget,
            Load = load,
            IsAtomic = isAtomic,
            BytesOfOthers = move is null ? 0 : BytesOfOthers(move.Target, slot, scope),
            SlotsLeft = slotsLeft,
            Takers = takers,
            StrayKeys = StrayKeys(situation, actions),
            Unsynced = await FindUnsyncedAsync(view, scope?.Slots ?? [slot], source, target, cancellation).ConfigureAwait(false),
            Denied = denied,
            RightsUnknown = _rights.WithUnknownRights([source, target]).ToList(),
            Unseen = _detector.Unseen,
            OtherTool = other,
        };
        if (move is not null && load?.Bytes is { } bytes)
            _arriving[(move.Target.Id, scope is null ? slot : scope.Slots.Min())] = bytes;
        return PreflightRules.Judge(facts);
    }

    // Only a replica without its master's data can hold keys that its master does not have.
    private async Task<UnsyncedReplica?> FindUnsyncedAsync(
        ClusterView view, IReadOnlyList<int> slots, ClusterNode source, ClusterNode target, CancellationToken cancellation)
    {
        var unsynced = view.Nodes.Where(node => node is { IsMaster: false, View.Facts.HasNeverSynchronized: true });
        foreach (var replica in unsynced)
        {
            var master = new[] { source, target }.FirstOrDefault(end => end.Id == replica.Line.MasterId);
            if (master is null || await CountAsync(replica, slots, cancellation).ConfigureAwait(false) is not { } keys || keys == 0)
                continue;
            var onMasters = 0L;
            foreach (var end in new[] { source, target }.Distinct())
                onMasters += await CountAsync(end, slots, cancellation).ConfigureAwait(false) ?? 0;
            if (keys > onMasters)
                return new UnsyncedReplica(replica, master, keys, onMasters, slots.Count > 1);
        }

        return null;
    }

    private async Task<long?> CountAsync(ClusterNode node, IReadOnlyList<int> slots, CancellationToken cancellation)
    {
        try
        {
            var connection = await _reader.ConnectAsync(node, cancellation).ConfigureAwait(false);
            var counts = await SlotKeyCounter.CountAsync(connection, node.View?.Databases ?? 1, slots, cancellation).ConfigureAwait(false);
            return counts.Sum(count => count ?? 0);
        }
        catch (RedisOperationException)
        {
            return null;
        }
    }

    /// <summary>Checks a plan that changes no slot.</summary>
    /// <param name="view">The cluster that the plan was made from.</param>
    /// <param name="required">The commands of the plan.</param>
    /// <param name="cancellation">Cancels the check.</param>
    public async Task<PreflightResult> CheckAsync(
        ClusterView view, IReadOnlyList<RequiredRight> required, CancellationToken cancellation)
    {
        if (required.Count == 0 || !LooksAhead)
            return new PreflightResult([], null);
        var other = await FindOtherToolAsync(view, cancellation).ConfigureAwait(false);
        var denied = await _rights.FindDeniedAsync(required, keyKnown: true, cancellation).ConfigureAwait(false);
        var unknown = _rights.WithUnknownRights(required.Select(right => right.Node).Distinct()).ToList();
        return PreflightRules.Judge(denied, unknown, _detector.Unseen, other);
    }

    /// <summary>The refusal if another tool is changing slots now; null if none is detected.</summary>
    public async Task<RedisOperationException?> RefusalByOtherToolAsync(ClusterView view, CancellationToken cancellation) => LooksAhead
        ? PreflightRules.OtherTool(await FindOtherToolAsync(view, cancellation).ConfigureAwait(false))
        : null;

    private long BytesOfOthers(ClusterNode target, int slot, PreflightScope? scope)
    {
        var own = scope is null ? slot : scope.Slots.Min();
        return _arriving.Where(planned => planned.Key.NodeId == target.Id && planned.Key.Slot != own).Sum(planned => planned.Value);
    }

    private void Remember(ClusterView view)
    {
        if (ReferenceEquals(view, _view))
            return;
        _view = view;
        _arriving.Clear();
        _leaving.Clear();
    }

    private async Task<OtherTool?> FindOtherToolAsync(ClusterView view, CancellationToken cancellation)
    {
        if (!_hasDetected)
            _otherTool = await _detector.FindAsync(view, cancellation).ConfigureAwait(false);
        _hasDetected = true;
        return _otherTool;
    }

    private (int? Left, IReadOnlyList<string> Takers) SlotsLeft(
        ClusterView view, IReadOnlyList<int> slots, IReadOnlyList<SlotAction> actions)
    {
        // Two handovers are a round trip: the source keeps the slot in the end.
        var assigned = actions.OfType<AssignToTarget>().ToList();
        if (assigned.Count != 1)
            return (null, []);
        var source = assigned[0].Source.Id;
        if (!_leaving.TryGetValue(source, out var leaving))
            _leaving.Add(source, leaving = ([], new SortedSet<string>(StringComparer.Ordinal)));
        leaving.Slots.UnionWith(slots);
        leaving.Takers.Add(assigned[0].Target.Name);
        return (Math.Max(0, view.SlotsOf(source).Count - leaving.Slots.Count), leaving.Takers.ToList());
    }

    // Keys on the target of a slot that is not open. A plan that brings them to the owner itself needs no warning.
    private static long? StrayKeys(SlotSituation situation, IReadOnlyList<SlotAction> actions) =>
        situation.Flags.Count == 0 && actions.OfType<SetImporting>().FirstOrDefault() is { Target: var target }
            && !actions.OfType<MoveKeys>().Any(move => move.IsReverse && move.Source.Id == target.Id)
            ? situation.KeysOn(target)
            : null;
}

/// <summary>Sends optional questions to nodes. A command may be denied or unknown, and a node may be too busy to answer.</summary>
internal sealed class NodeProbe(ClusterReader reader)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    public IClock Clock => reader.Clock;

    /// <returns>One reply for each command, errors included; null if the node does not answer.</returns>
    public async Task<IReadOnlyList<RespValue>?> AskAsync(
        ClusterNode node, IReadOnlyList<RespCommand> commands, CancellationToken cancellation)
    {
        if (!node.IsReachable)
            return null;
        try
        {
            var connection = await reader.ConnectAsync(node, cancellation).ConfigureAwait(false);
            return await connection.SendAsync(commands, Patience, cancellation).ConfigureAwait(false);
        }
        catch (RedisOperationException)
        {
            return null;
        }
    }
}
