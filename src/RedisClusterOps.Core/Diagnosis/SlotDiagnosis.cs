using RedisClusterOps.Cluster;

namespace RedisClusterOps.Diagnosis;

/// <summary>The name of a slot's state, and its two ends.</summary>
/// <param name="Situation">What it was told from.</param>
/// <param name="State">Which state.</param>
/// <param name="Source">The master that the keys leave; null where there is none.</param>
/// <param name="Target">The master that the keys go to; null where there is none.</param>
/// <param name="Detail">What the state's name does not say; null where it says it all.</param>
internal sealed record SlotDiagnosis(
    SlotSituation Situation, RedisOpenSlotState State, ClusterNode? Source, ClusterNode? Target, string? Detail = null)
{
    public int Slot => Situation.Slot;

    public ClusterNode? Owner => Situation.View.OwnerOf(Slot) is { } id ? Situation.View.Node(id) : null;

    public long? KeysOnSource => Situation.KeysOn(Source);

    public long? KeysOnTarget => Situation.KeysOn(Target);
}
