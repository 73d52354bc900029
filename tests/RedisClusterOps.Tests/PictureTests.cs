using System;
using System.IO;
using System.Management.Automation.StandIn;
using System.Threading.Tasks;
using Xunit;

namespace RedisClusterOps.Tests;

/// <summary>Show-RedisSlotMap and Export-RedisClusterReport on a real cluster, on the stand-in engine.</summary>
[Collection(nameof(LabCluster))]
public sealed class PictureTests(LabCluster lab) : IDisposable
{
    private const int OwnSlot = 12345;
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("redisclusterops-picture-");

    private string File => Path.Combine(_folder.FullName, "report.html");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task The_map_is_one_object_for_the_hosts_width_and_reads_only()
    {
        await lab.WedgeAsync(OwnSlot, keys: 3, moved: 1);
        var before = ServerProbe.WritesSeen(lab.Nodes);
        var wide = Map(new Engine(), columns: 140);
        Assert.Equal((4, 139), (wide.Masters.Count, wide.Width));
        Assert.Contains(wide.OpenSlots, range => range == OwnSlot.ToString());
        Assert.StartsWith("    0 ", wide.Picture[0]);
        Assert.Equal(6 + 128, wide.Picture[0].Length);
        Assert.Equal(before, ServerProbe.WritesSeen(lab.Nodes));
        Assert.Equal(80, Map(new Engine(), columns: null).Width);
        Assert.Equal(40, Map(new Engine(), columns: 12).Width);
        Assert.Equal(57, Map(new Engine(), columns: 200, ("Width", 57)).Width);
    }

    [Fact]
    public void A_screen_without_colours_gets_none_and_plain_text_is_ascii()
    {
        // The tests' own output goes into a file or a pipe.
        var engine = new Engine();
        engine.Host.UI.SupportsVirtualTerminal = true;
        Assert.DoesNotContain('\u001b', string.Concat(Map(engine, 100).Picture));
        Assert.DoesNotContain(string.Concat(Map(new Engine(), 100, ("PlainText", true)).Picture), c => c is < ' ' or > '~');
    }

    [Fact]
    public void The_report_is_written_and_emitted_only_where_asked()
    {
        var silent = Export(("Path", File));
        Assert.Empty(silent.Output);
        Assert.Contains("Slot map", System.IO.File.ReadAllText(File));
        Assert.Contains(lab.Nodes[3], System.IO.File.ReadAllText(File));
        var emitted = Assert.IsType<FileInfo>(Assert.Single(Export(("Path", File), ("PassThru", true)).Output));
        Assert.Equal(File, emitted.FullName);
        Assert.True(emitted.Length > 1000);
        Assert.Single(silent.Questions);
    }

    [Fact]
    public void What_is_not_agreed_to_is_not_written()
    {
        var engine = new Engine { Consent = _ => false }.Run("Export-RedisClusterReport", ("Cluster", lab.Entry), ("Path", File), ("PassThru", true));
        Assert.Null(engine.TerminatingError);
        Assert.Empty(engine.Output);
        Assert.Empty(_folder.GetFiles());
    }

    [Fact]
    public void A_file_that_is_there_is_kept_where_asked_and_one_that_can_not_be_written_is_an_error()
    {
        System.IO.File.WriteAllText(File, "mine");
        Assert.Equal("ReportNotWritten", Failed(("Path", File), ("NoClobber", true)));
        Assert.Equal("mine", System.IO.File.ReadAllText(File));
        Assert.Equal("ReportNotWritten", Failed(("Path", Path.Combine(_folder.FullName, "no", "report.html"))));
        Assert.Equal("ReportNotWritten", Failed(("Path", _folder.FullName)));
        Assert.Equal([File], Directory.GetFiles(_folder.FullName));
    }

    private RedisSlotMap Map(Engine engine, int? columns, params (string Name, object? Value)[] parameters)
    {
        engine.Host.UI.RawUI.Columns = columns;
        var run = engine.Run("Show-RedisSlotMap", [("Cluster", lab.Entry), .. parameters]);
        Assert.Null(run.TerminatingError);
        return Assert.IsType<RedisSlotMap>(Assert.Single(run.Output));
    }

    private Engine Export(params (string Name, object? Value)[] parameters)
    {
        var run = new Engine().Run("Export-RedisClusterReport", [("Cluster", lab.Entry), .. parameters]);
        Assert.Null(run.TerminatingError);
        return run;
    }

    private string Failed(params (string Name, object? Value)[] parameters) =>
        new Engine().Run("Export-RedisClusterReport", [("Cluster", lab.Entry), .. parameters]).TerminatingError!.FullyQualifiedErrorId;
}
