using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Security;
using System.Text;
using System.Text.Json;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Shell;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Guarded;

/// <summary>Runs the cmdlets on a guarded cluster, then searches for the password in everything that they show and write.</summary>
/// <remarks>
/// Searched: every stream, every view and export format, error records, a transcript, journal, plan, report, saved values and the
/// watcher's state.
/// </remarks>
public sealed class SecretTests(CmdletShell shell) : IClassFixture<CmdletShell>
{
    [Fact]
    public async Task The_password_is_in_nothing_that_is_shown_or_written()
    {
        using var files = new GuardedCluster();
        await using var cluster = await GuardedCluster.StartAsync(Servers.Redis70, Guard.Acl, files);
        var (journal, plans) = (JournalOfTests.NewFolder(), JournalOfTests.NewFolder());
        var (plan, report) = (Path.Combine(plans, "plan.json"), Path.Combine(plans, "report.html"));
        var state = Path.Combine(plans, "state.json");
        // From a file, so that no script that an error record quotes holds it.
        var password = Path.Combine(JournalOfTests.NewFolder(), "password");
        await File.WriteAllTextAsync(password, GuardedCluster.Password);
        for (var slot = 100; slot < 103; slot++)
            await cluster.Wedge().WedgeAsync(slot: slot, keys: 6, moved: 2);
        // A key that differs on both nodes, so that its losing value is saved.
        await new Faults.MovingSlot(cluster, 102).OnTargetAsync("SET", LabWedge.KeysOf(102, 1)[0], "another");
        await cluster.Node(0).SendAsync("ACL", "SETUSER", "guest", "on", ">" + GuardedCluster.Password, "+cluster|nodes");
        var target = cluster.Node(1).Endpoint;

        var lines = Lines(target, plan, state, report).Select(line => "Invoke-Recorded { " + line + " }");
        var prelude = Prelude(cluster.Node(0).Endpoint, password, plans, journal);
        var run = await shell.RunAsync(prelude + string.Join('\n', lines) + "\n" + Shapes);

        Assert.True(run.State == "Completed", run.ToString());
        Assert.Contains("AUTH2 *** ***", run.Text);
        Assert.Contains("> AUTH ", run.Text);
        Assert.Contains("AuthenticationFailed", run.Text);
        Assert.Contains("PermissionDenied", run.Text);
        Assert.Contains("Completed", run.Text);
        Assert.Contains("RolledBack", run.Text);
        AssertFree("what the cmdlets show", Encoding.UTF8.GetBytes(run.Text));
        var paths = Directory.GetFiles(journal, "*", SearchOption.AllDirectories).Concat(Directory.GetFiles(plans)).ToList();
        Assert.Contains(paths, path => path.EndsWith(".jsonl", StringComparison.Ordinal));
        Assert.Contains(paths, path => path.Contains("conflicts", StringComparison.Ordinal));
        string[] names = ["plan.json", "state.json", "report.html", "transcript.txt", "results.clixml", "errors.clixml"];
        Assert.All(names, name => Assert.Contains(Path.Combine(plans, name), paths));
        Assert.All(paths, path => AssertFree(path, File.ReadAllBytes(path)));
        if (OperatingSystem.IsWindows())
            return;
        foreach (var path in paths.Where(path => path == state || path.StartsWith(journal, StringComparison.Ordinal)))
            Assert.Equal((path, UnixFileMode.UserRead | UnixFileMode.UserWrite), (path, File.GetUnixFileMode(path)));
    }

    private static string[] Lines(NodeEndpoint target, string plan, string state, string report) =>
    [
        "$null = Connect-RedisCluster $node -Credential (Get-Login operator)",
        "Get-RedisClusterHealth -Deep",
        "Get-RedisClusterNode",
        "Get-RedisClusterInfo",
        "Get-RedisKeySlot a",
        "Get-RedisOpenSlot",
        "Get-RedisSlotKey 100 -Detail",
        "Complete-RedisSlotMigration 100 -WhatIf",
        "Complete-RedisSlotMigration 100 @to",
        "Undo-RedisSlotMigration 101 -WhatIf",
        "Undo-RedisSlotMigration 101 @to",
        "Complete-RedisSlotMigration 102 @to",
        "Complete-RedisSlotMigration 102 -OnKeyConflict KeepInUse @to",
        "Start-RedisSlotMigration 103 -Target " + target + " @to",
        "Restart-RedisSlotMigration 103 @to",
        "Move-RedisSlotKey 103 @to",
        "Repair-RedisCluster 103 @to",
        "New-RedisRebalancePlan -Threshold 0 -OutFile '" + plan + "'",
        "Invoke-RedisRebalance -PlanFile '" + plan + "' @to",
        "Move-RedisSlot 104 -Target " + target + " @to",
        "Get-RedisMigration -JournalPath $journal",
        "Resume-RedisMigration @to",
        "Undo-RedisSlotMigration -MigrationId 19990101 @to",
        "Complete-RedisSlotMigration 105 @to",
        "Show-RedisSlotMap",
        "Measure-RedisClusterLink",
        "Measure-RedisClusterTraffic -Interval 10ms",
        "Get-RedisClusterAlert -StatePath '" + state + "' -JournalPath $journal",
        "Export-RedisClusterReport '" + report + "' -Deep -JournalPath $journal",
        "Connect-RedisCluster $node -Credential (Get-Login stranger)",
        "Connect-RedisCluster $node -Credential (Get-Login default)",
        "$null = Connect-RedisCluster $node -Credential (Get-Login guest)",
        "Complete-RedisSlotMigration 100 @to",
        "Get-RedisClusterInfo -Cluster (Get-Url operator)",
        "Get-RedisClusterInfo -Cluster (Get-Url stranger)",
        "Connect-RedisCluster \"$node,password=$word,nope=1\"",
        "Connect-RedisCluster \"redis://u:$word@h:99999\"",
    ];

    // Every stream of a recorded line is written to the transcript and the screen, and kept for the exports.
    private static string Prelude(NodeEndpoint node, string passwordFile, string folder, string journal) => $$"""
        $word = [IO.File]::ReadAllText('{{passwordFile}}')
        $node = '{{node}}'
        $folder = '{{folder}}'
        $journal = '{{journal}}'
        $to = @{ Confirm = $false; JournalPath = $journal }
        $all = [Collections.Generic.List[object]]::new()
        function Get-Login($User) { [pscredential]::new($User, (ConvertTo-SecureString $word -AsPlainText -Force)) }
        function Get-Url($User) { "redis://${User}:$([uri]::EscapeDataString($word))@$node" }
        function Invoke-Recorded([scriptblock] $Script) {
            $VerbosePreference = $DebugPreference = $InformationPreference = 'Continue'
            $seen = @(try { & $Script *>&1 } catch { $_ })
            $all.AddRange($seen)
            $seen | Out-Default
        }
        $null = Start-Transcript (Join-Path $folder transcript.txt)

        """;

    private const string Shapes = """
        $null = Stop-Transcript
        $errors = @($all | Where-Object { $_ -is [Management.Automation.ErrorRecord] })
        $other = @($all | Where-Object { $_ -isnot [Management.Automation.ErrorRecord] })
        $results = @($other | Where-Object { $_ -isnot [Management.Automation.InformationalRecord] })
        $results | Export-Clixml (Join-Path $folder results.clixml) -Depth 3
        $errors | Export-Clixml (Join-Path $folder errors.clixml) -Depth 3
        $all | ForEach-Object { "$_" }
        $results | Format-List * -Force | Out-String -Width 4000
        $results | ConvertTo-Json -Depth 3 -Compress -WarningAction SilentlyContinue
        $results | ConvertTo-Csv
        $results | ConvertTo-Html
        $errors | Format-List * -Force | Out-String -Width 4000
        $errors | ForEach-Object { $_.Exception.ToString(); "$($_.TargetObject)"; "$($_.ErrorDetails)"; "$($_.CategoryInfo)" }
        $errors | ForEach-Object { $_.ErrorDetails.RecommendedAction; $_.FullyQualifiedErrorId }
        """;

    // Searches in every encoding: plain, JSON, HTML, XML, URL, UTF-16, and base64 in each of its phases.
    private static void AssertFree(string where, byte[] bytes)
    {
        var plain = Encoding.UTF8.GetBytes(GuardedCluster.Password);
        var shapes = new List<byte[]>
        {
            plain,
            Encoding.Unicode.GetBytes(GuardedCluster.Password),
            Encoding.ASCII.GetBytes(Uri.EscapeDataString(GuardedCluster.Password)),
            Encoding.ASCII.GetBytes(JsonSerializer.Serialize(GuardedCluster.Password).Trim('"')),
            Encoding.ASCII.GetBytes(WebUtility.HtmlEncode(GuardedCluster.Password)),
            Encoding.ASCII.GetBytes(SecurityElement.Escape(GuardedCluster.Password)!),
        };
        for (var phase = 0; phase < 3; phase++)
            shapes.Add(Encoding.ASCII.GetBytes(Convert.ToBase64String([.. new byte[phase], .. plain])[4..^4]));
        Assert.All(shapes, shape => Assert.False(bytes.AsSpan().IndexOf(shape) >= 0, "The password is in " + where + "."));
    }
}
