using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Journal;
using RedisClusterOps.Migration.Slot;
using RedisClusterOps.Planning.Slots;

namespace RedisClusterOps.Migration.Recovery;

/// <summary>
/// Suppresses replica migration on every master that an undo of many slots takes the last slot from: it was a master without slots before
/// the run that is undone, and stays a master.
/// </summary>
/// <param name="suppressed">Ids of nodes on which an interrupted run left it suppressed.</param>
internal sealed class ReplicaMigrationSuppression(
    ClusterReader reader,
    ClusterView view,
    IReadOnlyList<MasterPair> pairs,
    IReadOnlyCollection<string> suppressed,
    RunJournal? journal,
    OperationLog? log)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly HashSet<string> _suppressed = new(suppressed, StringComparer.Ordinal);

    /// <summary>Changes the settings. The journal records each node before its setting is changed.</summary>
    public async Task SuppressAsync(StopRequest stop)
    {
        var setting = new ReplicaMigrationSetting(reader, log, stop);
        foreach (var (master, slot) in Emptied())
        {
            // Each node decides by its own setting: the replicas of an emptied master would follow its last slot, too.
            var replicas = view.Nodes.Where(node => node is { IsMaster: false, IsReachable: true } && node.Line.MasterId == master.Id);
            foreach (var node in replicas.Prepend(master))
            {
                if (await setting.TrySuppressAsync(node, RecordOf(slot)).ConfigureAwait(false))
                    _suppressed.Add(node.Id);
            }
        }
    }

    /// <summary>Restores the settings, also after a stop.</summary>
    public async Task RestoreAsync(StopRequest run)
    {
        using var limit = new CancellationTokenSource(Patience);
        using var stop = run.IsRequested
            ? run.Extend(StopDeadlines.Settings, StopDeadlines.Settings)
            : new StopRequest(run.Clock, limit.Token);
        var reachable = _suppressed.Select(view.Node).Where(node => node is { IsReachable: true });
        await Task.WhenAll(reachable.Select(node => RestoreAsync(node!, stop))).ConfigureAwait(false);
    }

    private async Task RestoreAsync(ClusterNode node, StopRequest stop)
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
            log?.Warning(null, node.Name + " was left with " + SuppressReplicaMigration.Setting + " no: " + failure.Message);
        }
    }

    private SettingRecord? RecordOf(int slot) => journal is null ? null : new SettingRecord(
        node => journal.SettingChanging(slot, node),
        node =>
        {
            if (journal.SettingRestored(slot, node) is { } warning)
                log?.Warning(null, warning);
        });

    // The target of a way back also hands over its last slot, if all that it owns are open and are completed before they return.
    private IEnumerable<(ClusterNode Master, int Slot)> Emptied() =>
        pairs.SelectMany(pair => pair.Slots.SelectMany(slot => Losing(pair, slot).Select(master => (Master: master, slot.Slot))))
            .GroupBy(each => each.Master.Id)
            .Where(lost => view.SlotsOf(lost.Key).Slots.All(new HashSet<int>(lost.Select(each => each.Slot)).Contains))
            .Select(lost => lost.First());

    private IEnumerable<ClusterNode> Losing(MasterPair pair, SlotMove slot) =>
        slot.State == SlotMoveState.Interrupted && view.OwnerOf(slot.Slot) == pair.Target.Id
            ? [pair.Source, pair.Target]
            : [pair.Source];
}
