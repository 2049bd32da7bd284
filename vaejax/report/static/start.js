startHeat();
startCharts();
startMembers();
startTables();
begin();
addEventListener("hashchange", () => { if (/^#[ab]=/.test(location.hash)) begin(); });
