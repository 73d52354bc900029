using System;
using System.Management.Automation;
using RedisClusterOps.Completion;

namespace RedisClusterOps;

/// <summary>A cmdlet that moves keys: the batch size, the rate, the timeout and the action on a key conflict.</summary>
public abstract class KeyMovingCmdlet : SlotOperationCmdlet
{
    /// <summary>Specifies the number of keys per MIGRATE, 1 to 100000. The default, 0, adapts it to <see cref="MaxStall"/>.</summary>
    [Parameter]
    [Alias("Pipeline")]
    [ValidateRange(0, 100_000)]
    public int BatchSize { get; set; }

    /// <summary>
    /// Specifies how long clients of the nodes may wait because of the move. MIGRATE blocks both nodes, so batches are short, and
    /// the pauses between them follow what a probe waits. The default is 10 ms.
    /// </summary>
    [Parameter]
    [Duration]
    public TimeSpan MaxStall { get; set; } = TimeSpan.FromMilliseconds(10);

    /// <summary>Specifies the maximum number of keys per second over the whole move. The default, 0, is no limit.</summary>
    [Parameter]
    [ValidateRange(0, int.MaxValue)]
    public int MaxKeysPerSecond { get; set; }

    /// <summary>Specifies how long one MIGRATE may wait for the target. The default is 60 s.</summary>
    [Parameter]
    [Duration]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Specifies what to do with a key whose values differ on two nodes. KeepInUse keeps the value that clients read now, the slot
    /// owner's; KeepOther keeps the other one. The default is Stop. A value is always saved before it is overwritten.
    /// </summary>
    [Parameter]
    public KeyConflictAction OnKeyConflict { get; set; } = KeyConflictAction.Stop;

    internal override MoveOptions MoveOptions => base.MoveOptions with
    {
        BatchSize = BatchSize,
        MaxStall = MaxStall,
        MaxKeysPerSecond = MaxKeysPerSecond,
        Timeout = Timeout,
        OnKeyConflict = OnKeyConflict,
    };
}

/// <summary>A cmdlet that moves keys of one open slot from its source to its target.</summary>
public abstract class SlotMigrationCmdlet : KeyMovingCmdlet
{
    /// <summary>Specifies the slots: numbers and ranges from 0 to 16383, such as 5519, 0-5460 or '1,5-9'.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Slots]
    [ArgumentCompleter(typeof(OpenSlotCompleter))]
    public int[] Slot { get; set; } = [];

    /// <summary>
    /// Specifies the master that the keys leave: node id, unique id prefix, <c>host:port</c> or port. By default, the slot's flags
    /// determine it.
    /// </summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(MasterCompleter))]
    public string? Source { get; set; }

    /// <summary>
    /// Specifies the master that receives the keys: node id, unique id prefix, <c>host:port</c> or port. By default, the slot's flags
    /// determine it.
    /// </summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(MasterCompleter))]
    public string? Target { get; set; }
}
