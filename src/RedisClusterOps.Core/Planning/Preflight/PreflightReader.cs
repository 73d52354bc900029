using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Planning.Slots;

namespace RedisClusterOps.Planning.Preflight;

/// <summary>Asks the nodes what is to be known before a plan is carried out. Writes nothing.</summary>
/// <remarks>One for an invocation, one plan after the other: what belongs to a node is asked once, and only a sample of keys for each slot.</remarks>
internal sealed class PreflightReader
{
    private readonly ClusterReader _reader;
    private readonly NodeSettingsReader _settings;
    private readonly SlotLoadReader _loads;
    private readonly CommandRights _rights;
    private readonly OtherToolWatch _watch;
    private bool _watched;
    private OtherTool? _otherTool;

    /// <summary>What has been planned from one view; a newer view knows it already.</summary>
    private ClusterView? _view;
    private readonly Dictionary<(string NodeId, int Slot), long> _coming = [];
    private readonly Dictionary<string, HashSet<int>> _leaving = [];

    public PreflightReader(ClusterReader reader)
    {
        _reader = reader;
        var probe = new NodeProbe(reader);
        _settings = new NodeSettingsReader(probe);
        _loads = new SlotLoadReader(probe);
        _rights = new CommandRights(probe);
        _watch = new OtherToolWatch(probe);
    }

    /// <param name="view">What the plan was made from.</param>
    /// <param name="slot">Which slot.</param>
    /// <param name="source">The master that the slot leaves.</param>
    /// <param name="target">The master that it goes to.</param>
    /// <param name="actions">The plan. Of none there is nothing to check.</param>
    /// <param name="cancellation">Ends the asking.</param>
    /// <param name="scope">The slots that this one stands for; null where it stands for itself.</param>
    public async Task<PreflightResult> CheckAsync(
        ClusterView view, int slot, ClusterNode source, ClusterNode target, IReadOnlyList<SlotAction> actions, CancellationToken cancellation, PreflightScope? scope = null)
    {
        if (actions.Count == 0)
            return new PreflightResult([], null);
        Remember(view);
        var other = await FindOtherToolAsync(view, cancellation).ConfigureAwait(false);
        var move = actions.OfType<MoveKeys>().FirstOrDefault();
        var (load, anyKey) = move is null ? (null, null) : await _loads.ReadAsync(move, cancellation).ConfigureAwait(false);
        if (scope?.Bytes is { } all && load is not null)
            load = load with { Bytes = Math.Max(all, load.Bytes ?? 0) };
        // What the servers do among themselves needs no right of ours to move keys.
        var sent = scope is { IsAtomic: true, SomeAlone: false } ? [] : actions;
        var denied = await _rights.FindDeniedAsync(view, sent, anyKey, scope is { IsAtomic: true } ? (source, target) : null, cancellation).ConfigureAwait(false);
        var facts = new PreflightFacts(view, slot, source, target, actions)
        {
            SourceSettings = await _settings.ReadAsync(source, cancellation).ConfigureAwait(false),
            TargetSettings = await _settings.ReadAsync(target, cancellation).ConfigureAwait(false),
            Load = load,
            IsAtomic = scope is { IsAtomic: true },
            BytesOfOthers = move is null ? 0 : _coming.Where(planned => planned.Key.NodeId == move.Target.Id && !IsOf(planned.Key.Slot, slot, scope)).Sum(planned => planned.Value),
            SlotsLeftOnSource = SlotsLeft(view, scope?.Slots ?? [slot], actions),
            StrayKeys = await CountStraysAsync(view, slot, actions, cancellation).ConfigureAwait(false),
            Denied = denied,
            RightsUntold = _rights.Untold([source, target]).ToList(),
            OtherTool = other,
        };
        if (move is not null && load?.Bytes is { } bytes)
            _coming[(move.Target.Id, scope is null ? slot : scope.Slots.Min())] = bytes;
        return PreflightRules.Judge(facts);
    }

    /// <summary>Why nothing should be begun where slots have changed hands a moment ago; null where nobody is seen to be at it.</summary>
    public async Task<RedisOperationException?> WhoIsAtWorkAsync(ClusterView view, CancellationToken cancellation) =>
        PreflightRules.OtherTool(await FindOtherToolAsync(view, cancellation).ConfigureAwait(false));

    private static bool IsOf(int planned, int slot, PreflightScope? scope) => scope is null ? planned == slot : planned == scope.Slots.Min();

    private void Remember(ClusterView view)
    {
        if (ReferenceEquals(view, _view))
            return;
        _view = view;
        _coming.Clear();
        _leaving.Clear();
    }

    private async Task<OtherTool?> FindOtherToolAsync(ClusterView view, CancellationToken cancellation)
    {
        if (!_watched)
            _otherTool = await _watch.FindAsync(view, cancellation).ConfigureAwait(false);
        _watched = true;
        return _otherTool;
    }

    private int? SlotsLeft(ClusterView view, IReadOnlyList<int> slots, IReadOnlyList<SlotAction> actions)
    {
        // There and back again: nobody has lost anything in the end.
        var handOvers = actions.OfType<TakeOver>().ToList();
        if (handOvers.Count != 1)
            return null;
        var handOver = handOvers[0];
        var source = handOver.Source.Id;
        if (!_leaving.TryGetValue(source, out var leaving))
            _leaving.Add(source, leaving = []);
        leaving.UnionWith(slots);
        return Math.Max(0, view.SlotsOf(source).Count - leaving.Count);
    }

    private async Task<long?> CountStraysAsync(ClusterView view, int slot, IReadOnlyList<SlotAction> actions, CancellationToken cancellation)
    {
        if (view.FlagsOf(slot).Any() || actions.OfType<SetImporting>().FirstOrDefault() is not { } opening)
            return null;
        // Strays that the plan itself brings home are no news.
        if (actions.OfType<MoveKeys>().Any(move => move.IsReverse && move.Source.Id == opening.Target.Id))
            return null;
        try
        {
            var connection = await _reader.ConnectAsync(opening.Target, cancellation).ConfigureAwait(false);
            return await SlotKeyCounter.CountAsync(connection, opening.Target.View?.Databases ?? 1, slot, cancellation).ConfigureAwait(false);
        }
        catch (RedisOperationException)
        {
            return null;
        }
    }
}
