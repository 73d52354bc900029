using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Journal;
using RedisClusterOps.Migration.Bulk;
using RedisClusterOps.Planning.Slots;

namespace RedisClusterOps.Migration.Recovery;

/// <summary>
/// Keeps masters that an undo takes the last slot from: they were masters without slots before the run that is undone, and stay masters.
/// </summary>
/// <param name="kept">Ids of nodes that an interrupted run kept masters by a setting.</param>
internal sealed class EmptiedMasters(
    ClusterReader reader, ClusterView view, IReadOnlyList<MasterPair> pairs, IReadOnlyCollection<string> kept, RunJournal? journal, OperationLog? log)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly HashSet<string> _kept = new(kept, StringComparer.Ordinal);

    /// <summary>Keeps them from turning into replicas. The journal records each node before its setting is changed.</summary>
    public async Task KeepAsync(StopRequest stop)
    {
        var setting = new ReplicaMigrationSetting(reader, log, stop);
        foreach (var source in pairs.GroupBy(pair => pair.Source.Id).Where(IsEmptied).Select(given => given.First()))
        {
            if (await setting.TrySuppressAsync(source.Source, RecordOf(source.Slots[0].Slot)).ConfigureAwait(false))
                _kept.Add(source.Source.Id);
        }
    }

    /// <summary>Restores the settings, also after a stop.</summary>
    public async Task LetFollowAsync(StopRequest run)
    {
        using var limit = new CancellationTokenSource(Patience);
        using var stop = run.IsRequested
            ? run.Extend(StopDeadlines.Settings, StopDeadlines.Settings)
            : new StopRequest(run.Clock, limit.Token);
        var reachable = _kept.Select(view.Node).Where(node => node is { IsReachable: true });
        await Task.WhenAll(reachable.Select(node => LetFollowAsync(node!, stop))).ConfigureAwait(false);
    }

    private async Task LetFollowAsync(ClusterNode node, StopRequest stop)
    {
        try
        {
            var slot = pairs.FirstOrDefault(pair => pair.Source.Id == node.Id && pair.Slots.Count > 0)
                ?? pairs.FirstOrDefault(pair => pair.Slots.Count > 0);
            var record = slot is null ? null : RecordOf(slot.Slots[0].Slot);
            await new ReplicaMigrationSetting(reader, log, stop).TryRestoreAsync(node, record).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is RedisOperationException or OperationCanceledException)
        {
            log?.Warning(null, node.Name + " was left with " + KeepMaster.Setting + " no: " + failure.Message);
        }
    }

    private SettingRecord? RecordOf(int slot) => journal is null ? null : new SettingRecord(
        node => journal.Kept(slot, node),
        node =>
        {
            if (journal.Unkept(slot, node) is { } warning)
                log?.Warning(null, warning);
        });

    private bool IsEmptied(IGrouping<string, MasterPair> given) =>
        view.SlotsOf(given.Key).Slots.All(new HashSet<int>(given.SelectMany(pair => pair.Slots).Select(slot => slot.Slot)).Contains);
}
