using System.Management.Automation;
using RedisClusterOps.Completion;

namespace RedisClusterOps;

/// <summary>A cmdlet that moves keys of one open slot: which slot, from where to where.</summary>
public abstract class SlotMigrationCmdlet : KeyMovingCmdlet
{
    /// <summary>The slot, 0 to 16383.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateRange(0, 16383)]
    [ArgumentCompleter(typeof(OpenSlotCompleter))]
    public int Slot { get; set; }

    /// <summary>The master that the keys leave: node id, unique id prefix, or <c>host:port</c>. Without it, what the cluster's flags say.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(MasterCompleter))]
    public string? Source { get; set; }

    /// <summary>The master that the keys go to: node id, unique id prefix, or <c>host:port</c>. Without it, what the cluster's flags say.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(MasterCompleter))]
    public string? Target { get; set; }
}
