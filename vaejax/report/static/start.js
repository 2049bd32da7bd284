startHeat();
startCharts();
startMembers();
startTable();
begin();
